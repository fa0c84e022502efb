#!/usr/bin/env node
console.log('launched', process.argv.slice(2), process.version)
