import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Addresses, addressesOf, type Host, type NodeName, nodeNames } from "./addresses.ts";
import type { Api, ApiObject } from "./api.ts";
import { ClusterNode } from "./cluster-node.ts";
import { type CommandOptions, command } from "./command.ts";
import { ControlPlane } from "./control-plane.ts";
import { Credentials } from "./credentials.ts";
import { FakePod, type FakePodOptions } from "./fake-pod.ts";
import { clusterName, stateFolder } from "./folders.ts";
import { launch, onHost, type Running, until } from "./launch.ts";
import { Ledger } from "./ledger.ts";
import { setNodeReady } from "./node.ts";
import { pauseImage, writeImage } from "./plain-image.ts";
import { identify } from "./process-table.ts";
import type { ProgramName } from "./program-list.ts";
import { findPrograms, type Programs } from "./programs.ts";
import type { OnProgress } from "./progress.ts";
import { whyNot } from "./requirements.ts";
import { killAll, ownerOf, processesOf, sweep } from "./sweep.ts";
import { sweepOnExit } from "./sweep-on-exit.ts";
import { type LanHost, Topology } from "./topology.ts";

const FIRST_POD_ADDRESS = 10;
const FAKE_PODS_MAX = 240;

export interface ClusterOptions {
  /** "herald" unless told here or by HERALD_CLUSTER. Two clusters of different names do not meet. */
  readonly name?: string;
  /** 3 unless told; at most 9. */
  readonly nodes?: number;
  /**
   * With kubelets, pods are containers. Without, a cluster starts faster, Node objects are posted by hand, and pods are
   * processes (`fakePod`).
   */
  readonly kubelets?: boolean;
  /** Told what goes on, a line at a time: a first start builds programs for some minutes. */
  readonly onProgress?: OnProgress;
  /** Ctrl-C and SIGTERM take the cluster down and end the process, unless someone else handles them. True unless told. */
  readonly handleSignals?: boolean;
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Name of the log, without folder or ending; the program's name unless told. */
  readonly log?: string;
}

/**
 * Starts a cluster, after taking out what a crashed one of the same name left. It dies with the harness, however that
 * dies.
 *
 * @throws when this machine cannot run one (ask `whyNot` first), when another process runs one of that name, or when
 * something does not become ready in time, with the end of its log.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { nodes = 3, kubelets = false, onProgress = () => {}, handleSignals = true } = options;
  const name = clusterName(options.name);
  const reason = whyNot({ kubelets });
  if (reason !== undefined) throw new Error(reason);
  const owner = ownerOf(name);
  if (owner !== undefined)
    throw new Error(`process ${owner.pid} runs cluster ${name}: stop it, or take another name`);
  const programs = await findPrograms({ kubelets }, onProgress);
  sweep(name);
  const cluster = new Cluster(name, nodeNames(nodes), kubelets, programs, handleSignals);
  try {
    await cluster.bringUp(onProgress);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

const RUNNING = new Set<Cluster>();

/** A running cluster. Everything on it may be used at once; `stop` ends it. */
export class Cluster {
  /** Those of this process that are up. */
  static readonly running: ReadonlySet<Cluster> = RUNNING;
  readonly name: string;
  readonly nodes: readonly NodeName[];
  readonly kubelets: boolean;
  /** The API server, as admin. */
  readonly api: Api;
  /** Where every program's log is. */
  readonly logFolder: string;
  readonly #folder: string;
  readonly #ledger: Ledger;
  readonly #programs: Programs;
  readonly #topology: Topology;
  readonly #credentials: Credentials;
  readonly #controlPlane: ControlPlane;
  readonly #nodes = new Map<NodeName, ClusterNode>();
  readonly #forgetExit: () => void;
  readonly #pods: FakePod[] = []; // at most FAKE_PODS_MAX
  #podCount = 0;
  #logCount = 0;

  /** Not for use from outside: see startCluster. */
  constructor(
    name: string,
    nodes: readonly NodeName[],
    kubelets: boolean,
    programs: Programs,
    handleSignals: boolean,
  ) {
    this.name = name;
    this.nodes = nodes;
    this.kubelets = kubelets;
    this.#programs = programs;
    this.#folder = stateFolder(name);
    this.logFolder = join(this.#folder, "logs");
    rmSync(this.logFolder, { recursive: true, force: true });
    mkdirSync(this.logFolder, { recursive: true });
    this.#ledger = new Ledger(this.#folder);
    const self = identify(process.pid);
    if (self !== undefined) this.#ledger.record({ type: "owner", ...self });
    this.#forgetExit = sweepOnExit(name, handleSignals);
    this.#topology = new Topology(name, this.#ledger, nodes);
    this.#credentials = new Credentials(join(this.#folder, "credentials"));
    this.#controlPlane = new ControlPlane({
      ledger: this.#ledger,
      programs,
      credentials: this.#credentials,
      namespace: this.namespaceOf("control-plane"),
      folder: this.#folder,
      logFolder: this.logFolder,
      kubelets,
    });
    this.api = this.#controlPlane.api;
  }

  /** Not for use from outside: see startCluster. */
  async bringUp(onProgress: OnProgress): Promise<void> {
    const from = performance.now();
    const elapsed = () => `${((performance.now() - from) / 1000).toFixed(1)} s`;
    await this.#topology.build();
    RUNNING.add(this);
    onProgress(`network of ${this.nodes.length} nodes: ${elapsed()}`);
    await this.#controlPlane.start();
    onProgress(`control plane ready: ${elapsed()}`);
    this.#createNodes(this.kubelets ? this.#writePauseImage() : undefined);
    await Promise.all([...this.#nodes.values()].map((node) => node.start(this.api)));
    onProgress(`${this.nodes.length} nodes ready: ${elapsed()}`);
  }

  /** Network namespace of a host: `ip netns exec NAME ...` is a shell on it. */
  namespaceOf(host: Host): string {
    return this.#topology.namespace(host);
  }

  addressesOf(host: Host): Addresses {
    return addressesOf(host);
  }

  /** Path of an admin's kubeconfig; good on every host of the cluster, not outside. */
  get kubeconfig(): string {
    return this.#credentials.kubeconfig("admin");
  }

  /** Path of a kubeconfig with the rights of a service account, by a token of its own, good for a day. */
  async kubeconfigFor({ namespace, name }: { namespace: string; name: string }): Promise<string> {
    const { status } = await this.api.post<{ status: { token: string } }>(
      `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
      { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 86_400 } },
    );
    return this.#credentials.kubeconfigWith(`${namespace}-${name}`, status.token);
  }

  /** kubectl as the admin, in the words a shell outside the cluster needs. */
  get kubectlCommand(): readonly string[] {
    return [...onHost(this.namespaceOf("control-plane")), ...this.#kubectlWords];
  }

  /** @throws {CommandError} with what kubectl said. */
  kubectl(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return this.exec("control-plane", [...this.#kubectlWords, ...args], options);
  }

  /** helm, as the admin. */
  helm(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const folder = (kind: string) => join(this.#folder, "helm", kind);
    const env = {
      KUBECONFIG: this.kubeconfig,
      HELM_CACHE_HOME: folder("cache"),
      HELM_CONFIG_HOME: folder("config"),
      HELM_DATA_HOME: folder("data"),
      ...options.env,
    };
    return this.exec("control-plane", [this.#programs.path("helm"), ...args], {
      timeoutMs: 300_000,
      ...options,
      env,
    });
  }

  /** `kubectl apply` of YAML text, or of one object or several. */
  apply(manifest: string | object | readonly object[]): Promise<string> {
    const several = Array.isArray(manifest) ? { apiVersion: "v1", kind: "List", items: manifest } : manifest;
    const input = typeof several === "string" ? several : JSON.stringify(several);
    return this.kubectl(["apply", "-f", "-"], { input });
  }

  /** One object by kind ("service", "nodes", "deployment.apps") and name. */
  async get<T = ApiObject>(kind: string, name: string, namespace = "default"): Promise<T> {
    return JSON.parse(
      await this.kubectl(["get", kind, name, `--namespace=${namespace}`, "--output=json"]),
    ) as T;
  }

  /** See Api.waitFor. */
  waitFor<T>(path: string, predicate: (value: T | undefined) => boolean, deadlineMs: number, what: string) {
    return this.api.waitFor<T>(path, predicate, deadlineMs, what);
  }

  /** Runs a command on a host to its end and gives its standard output. @throws {CommandError} */
  exec(host: Host, argv: readonly string[], options: CommandOptions = {}): Promise<string> {
    return command([...onHost(this.namespaceOf(host)), ...argv], options);
  }

  /** Starts a program on a host. It ends with the cluster, at the latest. */
  spawn(host: Host, argv: readonly string[], { env, cwd, log }: SpawnOptions = {}): Running {
    this.#logCount += 1;
    const name = log ?? `${host}-${argv[0]?.split("/").at(-1)}-${this.#logCount}`;
    return launch(this.#ledger, {
      what: `${name} on ${host}`,
      argv: [...onHost(this.namespaceOf(host)), ...argv],
      logPath: join(this.logFolder, `${name}.log`),
      ...(env === undefined ? {} : { env }),
      ...(cwd === undefined ? {} : { cwd }),
    });
  }

  /** Resolves when a program's log contains the text. */
  untilLog(program: Running, text: string, deadlineMs: number): Promise<void> {
    const says = () => readFileSync(program.logPath, "utf8").includes(text);
    return until(program, `${program.what} says ${JSON.stringify(text)}`, deadlineMs, says);
  }

  /** Pulls a host's cable. */
  linkDown(host: LanHost): Promise<void> {
    return this.#topology.setLink(host, "down");
  }

  linkUp(host: LanHost): Promise<void> {
    return this.#topology.setLink(host, "up");
  }

  /** Pids of whatever runs on its hosts and in its pods now. */
  processes(): readonly number[] {
    const hosts = ["control-plane", ...this.nodes] as const;
    return processesOf(
      this.#folder,
      hosts.map((host) => this.namespaceOf(host)),
    ).map(({ pid }) => pid);
  }

  /** Power cut: the cable is dead and so is every process of the node, its pods' included. The API is not told. */
  async crashNode(node: NodeName): Promise<void> {
    await this.linkDown(node);
    const pods = this.#pods.filter((pod) => pod.node === node).map((pod) => pod.networkNamespace);
    killAll(() => processesOf(this.#node(node).folder, [this.namespaceOf(node), ...pods]));
  }

  /** Plugs a crashed node in again and starts what a node starts by itself. Spawned programs and fake pods stay dead. */
  async restartNode(node: NodeName): Promise<void> {
    await this.exec(node, ["nft", "flush", "ruleset"]);
    await this.linkUp(node);
    await this.#node(node).start(this.api);
  }

  /** Sets a node's Ready condition and taint, as the node lifecycle controller would; only without kubelets. */
  setNodeReady(node: NodeName, ready: boolean): Promise<void> {
    if (this.kubelets) throw new Error("its kubelet says whether a node is ready");
    return setNodeReady(this.api, node, ready);
  }

  /** Breaks every watch, and is away for about two seconds. */
  restartApiServer(signal?: NodeJS.Signals): Promise<void> {
    return this.#controlPlane.restartApiServer(signal);
  }

  /** Starts a pod that is a process; resolves when it is Ready. Only without kubelets. */
  async fakePod(options: FakePodOptions): Promise<FakePod> {
    if (this.kubelets) throw new Error("in a cluster with kubelets, pods are containers");
    this.#podCount += 1;
    if (this.#podCount > FAKE_PODS_MAX)
      throw new Error(`a cluster has at most ${FAKE_PODS_MAX} fake pods in its life`);
    const pod = await FakePod.start(options, {
      ledger: this.#ledger,
      api: this.api,
      cluster: this.name,
      nodeNamespace: this.namespaceOf(options.node),
      logFolder: this.logFolder,
      number: this.#podCount,
      nth: this.#podCount + FIRST_POD_ADDRESS - 1,
    });
    this.#pods.push(pod);
    return pod;
  }

  /**
   * Asks a URL from a host, again and again until something answers, and gives the body.
   *
   * @param url of the echo workload, mostly: see Echo.
   */
  fetch(host: Host, url: string, withinMs = 30_000): Promise<string> {
    const script = join(import.meta.dirname, "ask.ts");
    return this.exec(host, [process.execPath, script, url, `--within-ms=${withinMs}`], {
      timeoutMs: withinMs + 30_000, // for the start of the program and the last attempt
    });
  }

  /** Path of one of the cluster's programs. @throws when its size has no use for it. */
  program(name: ProgramName): string {
    return this.#programs.path(name);
  }

  /** Imports an image archive on every node. Only with kubelets. */
  async importImage(archivePath: string): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.importImage(archivePath)));
  }

  /** Ends everything, at once and for good. Harmless when already stopped. */
  async stop(): Promise<void> {
    RUNNING.delete(this);
    sweep(this.name);
    this.#forgetExit();
  }

  get #kubectlWords(): readonly string[] {
    const flags = [`--kubeconfig=${this.kubeconfig}`, `--cache-dir=${join(this.#folder, "kubectl-cache")}`];
    return [this.#programs.path("kubectl"), ...flags];
  }

  #createNodes(pauseImage: string | undefined): void {
    for (const node of this.nodes) {
      const parts = {
        ledger: this.#ledger,
        programs: this.#programs,
        credentials: this.#credentials,
        node,
        namespace: this.namespaceOf(node),
        folder: join(this.#folder, node),
        logFolder: this.logFolder,
      };
      this.#nodes.set(node, new ClusterNode(parts, pauseImage));
    }
  }

  #writePauseImage(): string {
    const archive = join(this.#folder, "pause.tar");
    writeImage(pauseImage(this.#programs.path("pause")), archive);
    return archive;
  }

  #node(name: NodeName): ClusterNode {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`no ${name} in this cluster of ${this.nodes.length}`);
    return node;
  }
}
