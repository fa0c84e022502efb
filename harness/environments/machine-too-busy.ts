/**
 * What was to be made scarce is scarcer already, by what else this machine
 * does: the fault would change nothing and cannot be shown. It was undone.
 */
export class MachineTooBusyError extends Error {
  override readonly name = 'MachineTooBusyError'
}
