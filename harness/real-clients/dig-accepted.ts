/** Where this project's members do not answer `dig` as Consul 1.8.7 does, and why. */
export interface AcceptedAnswer {
  readonly questions: readonly string[]
  /** Ours, as the golden text would have it. */
  readonly answer: string
  readonly reason: string
}

export const acceptedAnswers: readonly AcceptedAnswer[] = [
  { questions: ['0A000001.addr.consul A'], answer: 'NOERROR qr aa rd\nanswer 0A000001.addr.consul. 0 IN A 10.0.0.1', reason: 'Consul answers for another spelling than the one that was asked; ours keeps it, as for all other names' },
  { questions: ['0a000001.addr.consul AAAA', 'fd000000000000000000000000000007.addr.consul A'], answer: 'NOERROR qr aa rd', reason: 'Consul answers with an address of the other family, which is no answer to the question' },
  { questions: ['0a000001.addr.consul SRV'], answer: 'NOERROR qr aa rd\nadditional 0a000001.addr.consul. 0 IN A 10.0.0.1', reason: 'an address is no location: ours has it beside the answer, not as the answer' },
  { questions: ['1.0.0.10.in-addr.arpa A'], answer: 'NOERROR qr aa rd', reason: 'Consul answers with a pointer whatever was asked' },
  { questions: ['-x 10.9.9.9'], answer: 'SERVFAIL qr rd', reason: 'Consul claims in this answer alone that it does recursion (RA), and has nobody to ask' },
  { questions: ['foo.node.consul A +opcode=status', 'foo.node.consul A +opcode=update'], answer: 'NOTIMP qr rd', reason: 'AD in an answer says that data was authenticated (RFC 6840 §5.8): there is none' },
]
