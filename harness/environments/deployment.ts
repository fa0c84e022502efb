import type { HttpOutcome, HttpRequest, Traffic } from './environment.ts'

/**
 * How the members of one system run in containers: all that an environment must
 * know of a program that it did not make. Made by `harness/systems/`; absent
 * where an environment is given none, which then runs this project's own member.
 */
export interface Deployment {
  /** `consul`. */
  readonly name: string
  /** The program to put into the members' image. */
  readonly program: DeployedProgram
  readonly ports: SystemPorts
  /** What a member answers as long as its process lives, without any other member; 200 says that it is up. */
  readonly liveness: { readonly port: number, readonly target: string }
  /** What faults may damage; see `DataFiles`. */
  readonly dataFiles: DataFiles
  /**
   * It writes what it cannot start without at its first start, and does not sync it: so that a power cut is about what
   * comes later, its disk is synced once when it has answered on an empty disk.
   */
  readonly leavesFirstStartUnsynced?: true
  /** What a member's first start in a cluster that does not exist yet takes. */
  launch(member: LaunchedMember): Launch
  /**
   * Makes the others ready to take in a member that has nothing: a spare, or one whose disk was lost. Resolves with the
   * launch that it then needs; rejects with a sentence. Absent: the launch is the same, and members take each other in by themselves.
   */
  admit?(member: LaunchedMember, others: readonly AskableMember[]): Promise<Launch>
}

/** A program in an image: where it is found on this machine, and where it stands in a container. */
export interface DeployedProgram {
  /** The path of the file here; rejects with a sentence that says why it cannot be had. */
  readonly find: () => Promise<string>
  /** The path in the image; also what is asked for its version when the image is built. */
  readonly path: string
  readonly versionArguments: readonly string[]
}

/** Of every member, since each has an address of its own. */
export interface SystemPorts {
  /** Of the API that clients use. */
  readonly http: number
  /** What members say to each other in Raft, and in RPC where that is the same port. */
  readonly raft: number
  /** Null where the system has none. */
  readonly gossip: number | null
  /** The same. */
  readonly dns: number | null
}

/** Where a system keeps what; patterns of bash (globstar) below the member's data directory. The last file is the one that is written to. */
export interface DataFiles {
  readonly log: string
  readonly snapshot: string
}

export interface LaunchedMember {
  readonly name: string
  /** IPv4 on the run's network. */
  readonly address: string
  /** Those that the cluster begins with, in order, itself possibly included. */
  readonly founders: readonly { readonly name: string, readonly address: string }[]
  /** And the spares. */
  readonly everyone: readonly { readonly name: string, readonly address: string }[]
  /** Where its data is: a volume. */
  readonly dataDirectory: string
  readonly configFile: string
  /** Extra keys for its config file. */
  readonly config: Readonly<Record<string, unknown>>
}

export interface Launch {
  readonly command: readonly string[]
  /** The text of its config file. */
  readonly config: string
}

/** A member that runs and can be asked. */
export interface AskableMember {
  readonly name: string
  readonly address: string
  request(request: HttpRequest, timeoutMs: number): Promise<HttpOutcome>
}

/** The ports of a conversation; null for all of them; undefined where the system has no such conversation. */
export function portsOf(traffic: Traffic | 'clients', { raft, gossip, http }: SystemPorts): readonly number[] | null | undefined {
  switch (traffic) {
    case 'all': return null
    case 'raft': return [raft]
    case 'gossip': return gossip === null ? undefined : [gossip]
    case 'clients': return [http]
    default: return traffic satisfies never
  }
}
