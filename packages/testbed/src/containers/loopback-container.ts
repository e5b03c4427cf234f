import { GenericContainer, type WaitStrategy } from 'testcontainers';
import { type ContainerRecipe, DATA } from './recipe.ts';

/** Testcontainers waits for nothing: our own probe speaks the server's protocol, also after the restarts it does not see. */
class NoWait implements WaitStrategy {
  async waitUntilReady(): Promise<void> {}
  withStartupTimeout(): this {
    return this;
  }
  isStartupTimeoutSet(): boolean {
    return true;
  }
  getStartupTimeout(): number {
    return 0;
  }
}

/** A container whose port is bound to one fixed port of loopback, so that it keeps its address over kill and start. */
export class LoopbackContainer extends GenericContainer {
  readonly #hostPort: number;
  readonly #containerPort: number;
  readonly #onCreated: (id: string) => void;

  constructor(options: {
    recipe: ContainerRecipe;
    hostPort: number;
    labels: Record<string, string>;
    /** Keeps the data; without it the container has a volume that is removed with it. */
    volume: string | undefined;
    onCreated: (id: string) => void;
  }) {
    const { recipe, hostPort, labels, volume } = options;
    super(recipe.image);
    this.#hostPort = hostPort;
    this.#containerPort = recipe.port;
    this.#onCreated = options.onCreated;
    this.withEntrypoint(recipe.entrypoint)
      .withCommand(recipe.command)
      .withExposedPorts({ container: recipe.port, host: hostPort })
      .withLabels(labels)
      // Its cleaner is a container of its own whose image may not be there; our watcher and sweep do that work.
      .withAutoCleanup(false)
      .withWaitStrategy(new NoWait());
    this.createOpts.StopSignal = recipe.stopSignal;
    if (volume) this.hostConfig.Binds = [`${volume}:${DATA}`];
    else this.createOpts.Volumes = { [DATA]: {} };
  }

  /** Testcontainers binds to every address of the machine; a database that trusts everybody must not be there. */
  protected override async beforeContainerCreated(): Promise<void> {
    this.hostConfig.PortBindings = {
      [`${this.#containerPort}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(this.#hostPort) }],
    };
  }

  protected override async containerCreated(id: string): Promise<void> {
    this.#onCreated(id);
  }
}
