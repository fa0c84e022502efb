import * as packet from 'dns-packet'
import type { Answer, DecodedPacket, OptAnswer, Packet } from 'dns-packet'
import type { Random } from '../base/random.ts'
import { answerQuestion, type DnsAnswer, type DnsZone } from './dns-answer.ts'

export interface DnsOptions {
  readonly zone: DnsZone
  /** False: this member knows nothing yet that it could answer from. */
  readonly ready: () => boolean
  /** Over UDP, to who did not say that it takes more than 512 bytes. */
  readonly udpAnswerLimit: number
  /** Set TC where answers were left out. Consul does not by default: clients would all come back over TCP. */
  readonly markTruncated: boolean
}

const codes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const
const plainUdpBytes = 512
const tcpBytes = 65_535
const headerBytes = 12

/** The answer to a message as it came, in the bytes of the wire. Null: it is none that could be answered. Never throws. */
export function answerMessage(bytes: Uint8Array, over: 'udp' | 'tcp', options: DnsOptions, random: Random, wallMs: number): Uint8Array | null {
  const query = decode(bytes)
  if (query === null) return bytes.length >= headerBytes && (bytes[2]! & 0x80) === 0 ? failure(bytes, codes.FORMERR) : null
  // To answer an answer would let two servers talk forever.
  if (query.type === 'response') return null
  const opcode = (bytes[2]! >> 3) & 0xf
  if (opcode !== 0) return failure(bytes, codes.NOTIMP)
  const question = query.questions?.[0]
  if (question === undefined || query.questions!.length !== 1) return failure(bytes, codes.FORMERR)
  if (!goesBack(question, bytes)) return failure(bytes, codes.FORMERR)
  const opt = query.additionals?.find((one): one is OptAnswer => one.type === 'OPT')
  const bytesMax = over === 'tcp' ? tcpBytes : Math.max(plainUdpBytes, opt?.udpPayloadSize ?? 0)
  const answer: DnsAnswer = options.ready()
    ? answerQuestion(options.zone, question.name, question.type, random, wallMs)
    : { code: 'SERVFAIL', answers: [], authorities: [], additionals: [] }
  const authoritative = answer.code === 'NOERROR' || answer.code === 'NXDOMAIN'
  // Whose meaning is between the client and who validates, it is copied (RFC 4035 §3.2.2).
  const copied = packet.RECURSION_DESIRED | packet.CHECKING_DISABLED
  const flags = (query.flags ?? 0) & copied | (authoritative ? packet.AUTHORITATIVE_ANSWER : 0) | codes[answer.code]
  const echo: OptAnswer[] = opt === undefined ? [] : [{ type: 'OPT', name: '.', udpPayloadSize: opt.udpPayloadSize, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }]
  const message = (answers: readonly Answer[], additionals: readonly Answer[]): Packet => ({
    type: 'response', id: query.id ?? 0, questions: [question], answers: [...answers], authorities: [...answer.authorities], additionals: [...additionals, ...echo],
    flags: flags | (options.markTruncated && answers.length < answer.answers.length ? packet.TRUNCATED_RESPONSE : 0),
  })
  const countMax = over === 'udp' && bytesMax <= plainUdpBytes ? options.udpAnswerLimit : answer.answers.length
  return fit(answer, countMax, bytesMax, message)
}

/**
 * Whether the question's name is written in an answer as it came: not so with
 * a pointer in it, or with bytes that are no text. As text those may grow past
 * what a label holds, and nobody could read the answer. Nor with a line's end:
 * the library that writes names takes off dots at both ends of each line.
 */
function goesBack({ name }: packet.Question, bytes: Uint8Array): boolean {
  if (/[\n\r\u2028\u2029]/.test(name)) return false
  const labels = name === '' || name === '.' ? [] : name.split('.').map((label) => Buffer.from(label))
  const written = Buffer.concat([...labels.flatMap((label) => [Buffer.of(label.length), label]), Buffer.of(0)])
  return written.equals(bytes.subarray(headerBytes, headerBytes + written.length))
}

/** As many answers, with what belongs to them, as there is room for. */
function fit(answer: DnsAnswer, countMax: number, bytesMax: number, message: (answers: readonly Answer[], additionals: readonly Answer[]) => Packet): Uint8Array {
  const withFirst = (count: number) => {
    const answers = answer.answers.slice(0, count)
    return message(answers, additionalsOf(answers, answer))
  }
  let [low, high] = [0, Math.min(countMax, answer.answers.length)]
  // The most that fit: more answers are never fewer bytes.
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (packet.encodingLength(withFirst(middle)) <= bytesMax) low = middle
    else high = middle - 1
  }
  const whole = withFirst(low)
  if (packet.encodingLength(whole) <= bytesMax) return packet.encode(whole)
  return packet.encode(message(answer.answers.slice(0, low), []))
}

function additionalsOf(answers: readonly Answer[], all: DnsAnswer): readonly Answer[] {
  if (answers.length === all.answers.length) return all.additionals
  const targets = new Set(answers.flatMap((one) => one.type === 'SRV' ? [one.data.target] : one.type === 'NS' ? [one.data] : [one.name]))
  return all.additionals.filter(({ name }) => targets.has(name))
}

function decode(bytes: Uint8Array): DecodedPacket | null {
  try {
    return packet.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  } catch {
    return null
  }
}

/** The header alone, with the question's id and opcode. */
function failure(query: Uint8Array, code: number): Uint8Array {
  const reply = Buffer.alloc(headerBytes)
  reply[0] = query[0]!
  reply[1] = query[1]!
  reply[2] = 0x80 | (query[2]! & 0x79)
  reply[3] = code
  return reply
}
