import type { Command } from 'commander'

export interface BundleFlags {
  readonly out?: string
  readonly withDiff?: boolean
  readonly force?: boolean
}

export function addBundleCommand(program: Command, act: (run: string, flags: BundleFlags) => Promise<void>): void {
  program.command('bundle')
    .description('packs a run, and all that it takes to do it again elsewhere, into one archive, which check and replay take as they take a run')
    .argument('<run>', 'the run\'s directory')
    .option('--out <file>', 'where it goes (default: beside the run\'s directory, by its name, .bundle.tar.gz)')
    .option('--with-diff', 'with the changes that were not committed, where the run was made with such and their commit is still checked out')
    .option('--force', 'replaces a file that is there')
    .action((run: string, flags: BundleFlags) => act(run, flags))
}
