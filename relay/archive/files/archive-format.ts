export const ARCHIVE_FORMATS = ['ndjson', 'parquet'] as const
export type ArchiveFormat = (typeof ARCHIVE_FORMATS)[number]
