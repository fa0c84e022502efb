console.log('link')
