import { latencyClass, type OpenCount, type OpenTold, openEvery } from "../../domain/recording/openRequests.ts";

/** A request that is not over. */
export interface OpenRequest {
  readonly generation: number;
  /** Milliseconds since 1970. */
  readonly begun: number;
  /** From its beginning until something came of the answer, in milliseconds. */
  seen?: number;
}

const everyMs = openEvery * 1000;

/** The requests that a gateway's coin drew and that are not over: a version that does not answer is seen before its time-outs are. */
export class OpenRequests {
  readonly #open = new Set<OpenRequest>();
  readonly #tell: (told: OpenTold) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (told: OpenTold) => void) {
    this.#tell = tell;
  }

  /** @param coin - as it is stored; of another form nobody asks */
  begin(coin: string | undefined, begun: number): OpenRequest | undefined {
    const generation = /^coin (\d+)$/.exec(coin ?? "")?.[1];
    if (generation === undefined) return undefined;
    const request: OpenRequest = { generation: Number(generation), begun };
    this.#open.add(request);
    this.#wait();
    return request;
  }

  end(request: OpenRequest | undefined): void {
    if (request) this.#open.delete(request);
  }

  /** Only while there is something to tell. */
  #wait(): void {
    if (this.#timer) return;
    const now = Date.now();
    const at = (Math.floor(now / everyMs) + 1) * everyMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const counts = this.#countAt(at);
      if (counts.length > 0) this.#tell({ at, counts });
      if (this.#open.size > 0) this.#wait();
    }, at - now).unref();
  }

  #countAt(at: number): OpenCount[] {
    const open = [...this.#open].filter(({ begun }) => begun < at);
    const alike = Map.groupBy(open, ({ generation, begun, seen = at - begun }) =>
      [generation, latencyClass(seen)].join(" "),
    );
    return [...alike].map(([key, { length: requests }]) => {
      const [generation = 0, power = 0] = key.split(" ").map(Number);
      return { generation, class: power, requests };
    });
  }
}
