import type { BfdProfileConfig, Config } from "@herald/shared/config/config";
import type { IpAddress } from "@herald/shared/ip/address";
import type { BfdLink, StartBfd } from "./bfd-link.ts";
import { BfdWatch, type BfdWatchPorts } from "./bfd-watch.ts";
import { isUsable, linkOf } from "./bgp-peer.ts";
import { BgpPlan } from "./bgp-plan.ts";
import { BgpReporter, type BgpReporterPorts } from "./bgp-reporter.ts";
import type { Link } from "./interface-rules.ts";
import type { Change } from "./kubernetes-protocol.ts";
import type { CandidateNode, PlanOptions } from "./plan.ts";
import { type BgpPorts, BgpSessions } from "./run-bgp.ts";
import { RouterWatch, type RouterWatchPorts } from "./run-router-search.ts";
import { SessionWords, type SessionWordsPorts } from "./session-words.ts";
import { SlicedWork } from "./sliced-work.ts";

export interface BgpOptions {
  /** Name of the node this speaker runs on. */
  readonly node: string;
  /** The node's own address, where it is known. */
  readonly address: IpAddress | undefined;
  readonly plan: PlanOptions;
  /** How long routers that were asked to prefer other ways are left to find them, ms. */
  readonly partMs: number;
}

/** Wakes the work that is under way anyway. */
function* NO_WORK(): Generator<void> {}

/** How long good-byes may take to go out, ms. */
const FAREWELL_MS = 100;

export interface BgpSpeakerPorts
  extends Omit<BgpPorts, "metrics" | "words" | "routerOn" | "onDoubt" | "onMoved">,
    Omit<BgpReporterPorts, "metrics">,
    SessionWordsPorts,
    Pick<BfdWatchPorts, "sharedMs" | "isNear">,
    Pick<RouterWatchPorts, "packets" | "linkLocalOf"> {
  readonly metrics: BgpReporterPorts["metrics"] & { readonly bfd: BfdWatchPorts["metrics"] };
  readonly startBfd: StartBfd;
  /** BFD ended, by a bug of ours. */
  readonly onBfdCrash: (error: Error) => void;
}

/** BGP beside layer 2: hears the same news of the cluster, decides for itself and tells this node's routers. */
export class BgpSpeaker {
  readonly #options: BgpOptions;
  readonly #ports: BgpSpeakerPorts;
  readonly #plan: BgpPlan;
  readonly #sessions: BgpSessions;
  readonly #reporter: BgpReporter;
  readonly #words: SessionWords;
  readonly #routers: RouterWatch;
  readonly #bfdLink: BfdLink;
  readonly #bfd: BfdWatch;
  /** Those of the configuration. */
  #bfdProfiles: readonly BfdProfileConfig[] = [];
  readonly #work: SlicedWork;
  /** By name; bounded by the cluster. */
  readonly #nodes = new Map<string, CandidateNode>();
  #nodesChanged = false;
  /** Whether the plan may be another one than was made last. */
  #isOld = false;
  #synced = false;
  #leaving = false;
  #isParting = false;
  /** Ends the wait for routers that find other ways. */
  #disarm = (): void => {};

  constructor(options: BgpOptions, ports: BgpSpeakerPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#plan = new BgpPlan({ self: options.node, options: options.plan });
    this.#words = new SessionWords(options.node, ports);
    this.#routers = new RouterWatch({
      ...ports,
      metrics: ports.metrics.bgp,
      onFound: (link) => this.#sessions.found(link),
      onCut: (link, why) => this.#sessions.cut(link, why),
    });
    this.#sessions = new BgpSessions(options, {
      ...ports,
      metrics: ports.metrics.bgp,
      words: this.#words,
      routerOn: (link) => this.#routers.on(link),
      onDoubt: (link) => this.#routers.doubt(link),
      onMoved: () => this.#look(), // BFD goes where BGP goes
    });
    this.#reporter = new BgpReporter(options.node, ports);
    this.#bfdLink = ports.startBfd({ onNews: (news) => this.#bfd.hear(news), onCrash: ports.onBfdCrash });
    this.#bfd = new BfdWatch(options.node, {
      ...ports,
      metrics: ports.metrics.bfd,
      link: this.#bfdLink,
      wayTo: (peer) => this.#sessions.wayTo(peer),
      onFailed: (peer, text) => this.#sessions.fail(peer, text),
      onWatched: (hears) => this.#words.watched(hears),
    });
    this.#work = new SlicedWork(ports.clock, () => this.#settle());
  }

  /** What is different in the cluster; those that say nothing to BGP are passed over. */
  take(change: Change): void {
    switch (change.type) {
      case "service":
        this.#plan.setService(change.service);
        break;
      case "service-gone":
        this.#plan.removeService(change.key);
        break;
      case "endpoints":
        this.#plan.setEndpoints(change.key, change.endpoints);
        break;
      case "node":
        this.#nodes.set(change.name, change.node);
        this.#nodesChanged = true;
        break;
      case "node-gone":
        this.#nodes.delete(change.name);
        this.#nodesChanged = true;
        break;
      case "config":
        this.#configure(change.config);
        break;
      case "synced":
        this.#synced = true;
        break;
      default:
        return;
    }
    this.#look();
  }

  /** All interfaces of this node, as they are now; their addresses may be others, too. */
  setLinks(links: readonly Link[]): void {
    this.#routers.setLinks(links);
    this.#sessions.readdress();
  }

  /**
   * Leaves: routers are asked to prefer other ways, then lose the routes, then hear good-bye. Those that keep routes over
   * a restart keep them, unless this node is to serve no more anyway. Resolves when all is said.
   */
  async drain(): Promise<void> {
    this.#leaving = true;
    this.#disarm();
    this.#sessions.part(!this.#isParting);
    if (this.#sessions.isMissed) {
      this.#ports.log.info("BGP routes are being drained", { forMs: this.#options.partMs });
      await this.#after(this.#options.partMs);
    }
    const { count } = this.#sessions;
    this.#sessions.withdraw();
    this.#reporter.stopped();
    this.#sessions.stop("the speaker of this node stops");
    if (count > 0) await this.#after(FAREWELL_MS);
    // Why last: routers take the end of BFD for a failure while there is a session, whatever RFC 5882 §3.2 has to say.
    await this.#bfd.part(FAREWELL_MS);
  }

  /** At once. What was not drained ends without a word. */
  async stop(): Promise<void> {
    this.#disarm();
    this.#work.stop();
    this.#sessions.stop("the speaker of this node stops");
    this.#routers.stop();
    await this.#bfdLink.close();
  }

  #after(ms: number): Promise<void> {
    const { clock } = this.#ports;
    return new Promise((resolve) => clock.at(clock.now() + ms, resolve));
  }

  #configure(config: Config): void {
    this.#plan.configure(config);
    this.#bfdProfiles = config.bfdProfiles;
  }

  /** Something may be another way. */
  #look(): void {
    this.#isOld = true;
    this.#work.add(NO_WORK());
  }

  /** What comes up while it is at work is seen to as well, and before people are told of the rest. */
  *#settle(): Generator<void> {
    while (this.#isOld && this.#synced && !this.#leaving) {
      this.#isOld = false;
      yield* this.#settleRouters();
      if (this.#leaving) return;
      for (const _ of this.#reporter.planned(this.#plan)) {
        if (this.#isOld) break;
        yield;
      }
    }
  }

  *#settleRouters(): Generator<void> {
    if (this.#nodesChanged) {
      this.#nodesChanged = false;
      this.#plan.setNodes(new Map(this.#nodes));
      this.#judgeStanding();
    }
    yield* this.#plan.work();
    if (this.#leaving) return;
    const peers = this.#plan.plans.map(({ peer }) => peer);
    this.#routers.want(peers.filter(isUsable).flatMap((peer) => linkOf(peer) ?? []));
    this.#sessions.plan(this.#plan.plans, this.#plan.rivals);
    this.#bfd.plan(peers, this.#bfdProfiles);
  }

  /** A node that is asked to serve no more asks routers to prefer other ways, and takes routes back a little later. */
  #judgeStanding(): void {
    const isParting = this.#plan.isParting;
    if (isParting === this.#isParting) return;
    this.#isParting = isParting;
    this.#disarm();
    this.#sessions.drain(isParting);
    this.#ports.log.info(isParting ? "BGP parts from its routers" : "BGP is back for its routers");
    if (!isParting) {
      this.#plan.setParted(false);
      return;
    }
    const { clock } = this.#ports;
    this.#disarm = clock.at(clock.now() + this.#options.partMs, () => {
      this.#plan.setParted(true);
      this.#look();
    });
  }
}
