import t from 'tap'
import { persistedVotes } from './persisted-votes.ts'

const answer = (term: number, to: string, granted = true) => ({ kind: 'vote-response', from: 'n1', to, term, granted }) as const

t.test('a vote and its answer are one', async (t) => {
  t.same(persistedVotes({ hardState: { term: 4, votedFor: 'n3' }, messages: [answer(4, 'n3')] }), [{ term: 4, votedFor: 'n3' }])
  t.same(persistedVotes({ hardState: { term: 4, votedFor: 'n1' }, messages: [] }), [{ term: 4, votedFor: 'n1' }])
  t.same(persistedVotes({ hardState: { term: 4, votedFor: null }, messages: [answer(4, 'n3', false)] }), [])
  t.same(persistedVotes({ hardState: null, messages: [] }), [])
})

t.test('who voted and went on to a later term within one write gave both votes', async (t) => {
  t.same(persistedVotes({ hardState: { term: 50, votedFor: 'n1' }, messages: [answer(49, 'n3')] }), [{ term: 49, votedFor: 'n3' }, { term: 50, votedFor: 'n1' }])
  t.same(persistedVotes({ hardState: { term: 50, votedFor: null }, messages: [answer(49, 'n3')] }), [{ term: 49, votedFor: 'n3' }])
})
