/** A logger for what is measured: nothing that it is told is of interest. */
export const quietLogger = { debug() {}, info() {}, warn() {}, error() {} }
