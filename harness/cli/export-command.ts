import { Option, type Command } from 'commander'

export interface ExportFlags {
  readonly to: ExportFormat
  readonly out?: string
  readonly rows?: 'events' | 'operations'
  readonly plain?: boolean
  readonly force?: boolean
}

export const exportFormats = ['jsonl', 'edn', 'csv', 'parquet', 'perfetto'] as const
export type ExportFormat = (typeof exportFormats)[number]

export function addExportCommand(program: Command, act: (run: string, flags: ExportFlags) => Promise<void>): void {
  program.command('export')
    .description('writes a run\'s history for other tools: Jepsen\'s, DuckDB, spreadsheets, Perfetto')
    .argument('<run>', 'the run\'s directory')
    .addOption(new Option('--to <format>', 'jsonl: our own lines; edn: as Jepsen\'s history.edn; csv; parquet: for DuckDB and the like; perfetto: a trace for https://ui.perfetto.dev').choices([...exportFormats]).makeOptionMandatory())
    .option('--out <file>', 'where it goes; - for standard output (default: beside the run\'s directory, by its name)')
    .addOption(new Option('--rows <what>', 'of csv and parquet: a row for each event, which check reads again, or for each operation with its start, end and duration (default: events)').choices(['events', 'operations']))
    .option('--plain', 'events only: without the plan and the faults, by which check judges a file as its run was judged')
    .option('--force', 'replaces a file that is there')
    .action((run: string, flags: ExportFlags) => act(run, flags))
}
