import { type Command, Option } from 'commander'
import type { NightlyFlags } from '../nightly/night-options.ts'
import { number } from '../plan/flag-values.ts'

/** `splitbrain nightly`: its flags and its help. What it does is in harness/nightly/. */
export function addNightlyCommand(program: Command, action: (flags: NightlyFlags) => Promise<void>): void {
  program.command('nightly')
    .description('runs a matrix (workloads × nemeses × members × systems × seeds) within a time budget and sums it up: terminal, JUnit, TAP, GitHub, JSON, and a page over all nights')
    .option('--budget <time>', 'how long it may take: 90s, 10m, 2h, 1h30m; a run that cannot end within it is skipped, and said', '1h')
    .option('--matrix <file>', 'the matrix in a JSON file; flags win over it')
    .option('--workloads <names>', 'with commas between (default: all)')
    .option('--nemeses <sets>', 'with commas between; + joins families that strike together: partition,kill+pause,all,none (default: partition,kill,clock+pause,delay+loss)')
    .option('--members <counts>', 'with commas between (default: 3,5)')
    .option('--systems <names>', 'with commas between: registry, consul, etcd (default: registry)')
    .option('--env <names>', 'with commas between: auto, docker, local, simulated; auto: docker when an engine answers, else local (default: auto)')
    .option('--seeds <seeds>', 'how many for each combination, as 5, or which, as 1,2,3 (default: as many as the budget has room for, at most 20)')
    .option('--seed <n>', 'of the first, where they are counted (default: from the date, so that each night has new ones)', number)
    .option('--jobs <n>', 'runs at a time (default: one each core); containers come one at a time', number)
    .option('--time-limit <s>', 'of each run: how long operations are begun (default: as the workload has it)', number)
    .option('--rate <n>', 'of each run: operations per second', number)
    .option('--interval <s>', 'of each run: mean length of a fault, and of the pause between faults', number)
    .option('--intensity <0..1>', 'of each run: how hard faults are')
    .option('--recovery-timeout <s>', 'of each run: how long the cluster may take to serve', number)
    .option('--mutant <name or file>', 'of each run: members with a planted bug')
    .addOption(new Option('--keep <what>', 'directories of this night\'s runs: all, or those that are not valid').choices(['all', 'failures']).default('all'))
    .option('--keep-days <n>', 'removes valid runs of earlier nights that are older (default: keeps all)', number)
    .option('--keep-size <size>', 'removes valid runs of earlier nights, the oldest first, until all nights\' runs fit: 500MiB, 2GiB (default: keeps all)')
    .option('--junit <file>', 'writes JUnit XML there too')
    .option('--tap <file>', 'writes TAP there too')
    .option('--json', 'prints the night\'s record instead of lines, for programs')
    .option('--webhook <url>', 'POSTs JSON with a text for Slack there after the night (default: $SPLITBRAIN_WEBHOOK, where it does not stand in a crontab)')
    .addOption(new Option('--webhook-on <when>', 'when it is told').choices(['failure', 'always']).default('failure'))
    .option('--config <file>', 'options of each run in a JSON file, as for test; none reads no file (default: ./splitbrain.json where there is one)')
    .option('--store <dir>', 'where it goes: nights/<start>/ in there (default: results/store)')
    .addHelpText('after', `
The matrix file: { "workloads": ["register", "lock"], "nemeses": ["partition", ["kill", "pause"], "none"], "members": [3, 5],
  "systems": ["registry"], "envs": ["simulated"], "seeds": 10, "options": { "timeLimit": 60 },
  "exclude": [{ "workload": "lock", "members": 5 }] }; options are those of test, by their names in camelCase.

In GitHub Actions ($GITHUB_ACTIONS) failures are annotated, and the summary goes to $GITHUB_STEP_SUMMARY.

Exit codes: 0 valid, 1 invalid, 2 unknown (also where nothing was run), 254 bad arguments, 255 a run itself failed;
invalid beats 255, that beats unknown, that beats valid. 130 and 143: ended early by Ctrl-C or SIGTERM.`)
    .action((flags: NightlyFlags) => action(flags))
}
