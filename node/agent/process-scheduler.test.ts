import t from 'tap'
import { processScheduler } from './process-scheduler.ts'

t.test('what is due in months is not done at once', async (t) => {
  let done = false
  const cancel = processScheduler.after(2 ** 31 + 5, () => { done = true })
  await new Promise((resolve) => setTimeout(resolve, 50))
  cancel()
  t.equal(done, false)
})
