import type { NightRecord } from '../../results/nights/night-record.ts'
import { countOutcomes, verdictOfNight } from '../../results/nights/outcomes.ts'
import { failuresOf, headline, replayOf, titleOf, whatBroke } from '../../results/nights/failures.ts'
import { UsageError } from '../plan/usage-error.ts'

/** Whoever is told has so long to answer. */
export const webhookTimeoutMs = 10_000
/** More would only hide what matters; the record has all. */
const failuresMax = 20

/** What is sent: `text` is what Slack, Mattermost and their like show; the rest is for programs. */
export interface WebhookMessage {
  readonly text: string
  readonly verdict: string
  readonly exitCode: number
  readonly counts: Readonly<Record<string, number>>
  readonly startedAt: string
  readonly tookS: number
  readonly budgetS: number
  readonly commit: string | null
  readonly failures: readonly { readonly run: string, readonly outcome: string, readonly what: string, readonly evidence: readonly string[], readonly replay: string | null }[]
}

/** @param store as a user would name it, for the commands */
export function webhookMessage(record: NightRecord, exitCode: number, store: string): WebhookMessage {
  const failures = failuresOf(record).slice(0, failuresMax).map((run) => {
    const { what, evidence } = whatBroke(run)
    return { run: titleOf(run), outcome: run.outcome, what, evidence, replay: replayOf(run, store) }
  })
  const lines = failures.flatMap(({ run, outcome, what, evidence, replay }) => [
    `• ${outcome}: ${run}`, `  ${what}`, ...evidence.map((line) => `  ${line}`), ...replay === null ? [] : [`  ${replay}`],
  ])
  const more = failuresOf(record).length - failures.length
  return {
    text: slackText([headline(record), ...lines, ...more === 0 ? [] : [`… and ${more} more`]].join('\n')),
    verdict: verdictOfNight(record), exitCode, counts: countOutcomes(record.runs),
    startedAt: record.startedAt, tookS: record.tookS, budgetS: record.budgetS, commit: record.git?.commit ?? null,
    failures,
  }
}

/** Three characters are Slack's own. */
const slackText = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Throws UsageError, which never says the address: it is a secret. */
export function parseWebhook(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw new UsageError('The webhook is no address that begins with https:// or http:// (from --webhook, or SPLITBRAIN_WEBHOOK).')
  return url
}

/** Null: it was taken; or why not, without the address. Never rejects. */
export async function postWebhook(url: URL, message: WebhookMessage, timeoutMs: number = webhookTimeoutMs): Promise<string | null> {
  try {
    const answer = await fetch(url, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(message), signal: AbortSignal.timeout(timeoutMs),
    })
    await answer.body?.cancel()
    return answer.ok ? null : `it answered ${answer.status}`
  } catch (error) {
    if ((error as Error).name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`
    const { code } = ((error as Error).cause ?? {}) as { code?: string }
    return `it cannot be reached${code === undefined ? '' : ` (${code})`}`
  }
}
