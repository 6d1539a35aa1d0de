/** Virtual time and seeded chance: one seed gives one schedule. */
export class Scheduler {
  now = 1_000_000;
  private readonly queue: { at: number; order: number; run: () => void }[] = [];
  private order = 0;
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 up to 1 (mulberry32). */
  random(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  between(low: number, high: number): number {
    return low + this.random() * (high - low);
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)] as T;
  }

  after(milliseconds: number, run: () => void): void {
    this.order += 1;
    const event = { at: this.now + milliseconds, order: this.order, run };
    let index = this.queue.length;
    while (index > 0 && (this.queue[index - 1] as typeof event).at <= event.at) index -= 1;
    // Kept with the latest first, so that the next one is popped.
    this.queue.splice(index, 0, event);
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.after(milliseconds, resolve));
  }

  /** Runs events until `isDone`, or until virtual time reaches `until`. Answers whether it is done. */
  async run(isDone: () => boolean, until: number): Promise<boolean> {
    while (!isDone()) {
      const event = this.queue.pop();
      if (!event || event.at > until) return false;
      this.now = Math.max(this.now, event.at);
      event.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return true;
  }
}
