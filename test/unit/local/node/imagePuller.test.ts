import { describe, expect, it } from "vitest";
import { failedStart } from "../../../../src/local/node/failedStart.ts";
import { ImagePuller, ImagePullFailed, ImagePulling } from "../../../../src/local/node/imagePuller.ts";

const reference = `registry.registry.svc:5000/models/iris@sha256:${"1".repeat(64)}`;

/** Until whatever was settled has been heard of. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A puller whose pulls end as the test says. */
function played() {
  const pulls: (PromiseWithResolvers<void> & { tell: (done: number, total: number) => void })[] = [];
  const puller = new ImagePuller((_, __, tell) => {
    const pull = Object.assign(Promise.withResolvers<void>(), { tell });
    pulls.push(pull);
    return pull.promise;
  });
  /** What a container waits for. */
  const waiting = (now?: number, failures = 0) => {
    try {
      puller.want(reference, [], now);
    } catch (error) {
      return failedStart(error, failures).waiting;
    }
    return undefined;
  };
  const failed = async (message: string) => {
    await settled();
    pulls.at(-1)?.reject(new Error(message));
    await settled();
  };
  return { puller, pulls, waiting, failed };
}

describe("an image that a container needs", () => {
  it("is pulled after the one before, whether that came or not", async () => {
    const begun: string[] = [];
    const first = Promise.withResolvers<void>();
    const puller = new ImagePuller((each) => {
      begun.push(each);
      return first.promise;
    });
    const other = reference.replace("iris", "other");
    for (const each of [reference, other]) expect(() => puller.want(each, [])).toThrow(ImagePulling);
    await settled();
    expect(begun).toEqual([reference]);
    first.reject(new Error("gone"));
    await settled();
    expect(begun).toEqual([reference, other]);
  });

  it("is pulled once, however many ask, and says how far it is", async () => {
    const { pulls, waiting } = played();
    expect(waiting()).toEqual({ reason: "ContainerCreating", message: `pulling image "${reference}"` });
    await settled();
    pulls[0]?.tell(10 * 1024 * 1024, 25.5 * 1024 * 1024);
    expect(waiting()).toEqual({ reason: "ContainerCreating", message: `pulling image "${reference}": 10 of 26 MiB` });
    expect(pulls).toHaveLength(1);
  });

  it("that cannot be pulled is told with the reason, tried again after 10 s, and then told as kubelet does", async () => {
    const { pulls, waiting, failed } = played();
    waiting();
    await failed("registry.registry.svc:5000 has no models/iris");
    const said = `failed to pull image "${reference}": registry.registry.svc:5000 has no models/iris`;
    expect(waiting()).toEqual({ reason: "ErrImagePull", message: said });
    expect(pulls).toHaveLength(1);
    expect(waiting(Date.now() + 10_100)).toMatchObject({ reason: "ContainerCreating" });
    await settled();
    expect(pulls).toHaveLength(2);
    await failed("registry.registry.svc:5000 has no models/iris");
    expect(waiting()).toEqual({
      reason: "ImagePullBackOff",
      message: `Back-off pulling image "${reference}": ${said}`,
    });
    // Twice as long.
    expect(waiting(Date.now() + 10_100)).toMatchObject({ reason: "ImagePullBackOff" });
    expect(waiting(Date.now() + 20_100)).toMatchObject({ reason: "ContainerCreating" });
  });

  it("is asked for anew once it has come, as where somebody removed it", async () => {
    const { pulls, waiting } = played();
    waiting();
    await settled();
    pulls[0]?.resolve();
    await settled();
    waiting();
    await settled();
    expect(pulls).toHaveLength(2);
  });

  it.each([`menagerie.local/truss/iris@sha256:${"1".repeat(64)}`, `iris@sha256:${"1".repeat(64)}`])(
    "that no registry has, %s, is not pulled",
    (local) => {
      const { puller, pulls } = played();
      puller.want(local, []);
      expect(pulls).toEqual([]);
    },
  );
});

describe("a container that waits", () => {
  it("counts no failure while its image is on its way, and tries again when the pull does", () => {
    expect(failedStart(new ImagePulling("…"), 2)).toMatchObject({ failures: 2 });
    const retryAt = Date.now() + 40_000;
    expect(failedStart(new ImagePullFailed("…", "ImagePullBackOff", retryAt), 2)).toMatchObject({
      failures: 3,
      retryAt,
    });
  });
});
