export default { testEnvironment: 'node', transform: {}, maxWorkers: 2 }
