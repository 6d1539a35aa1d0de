import { describe, expect, test } from "vitest";
import { packageFailure } from "../../../../src/adapters/truss/packageFailure.ts";
import { pipSettingsForUv } from "../../../../src/adapters/truss/packageSource.ts";
import { CommandFailed, lastMeaningfulLine, run } from "../../../../src/adapters/truss/process.ts";

const live = new AbortController().signal;

describe("uv gets what pip is set up with", () => {
  test("variables win over the install section, and that over the global one", () => {
    const listed = [
      "global.index-url='http://global.test/simple'",
      "install.index-url='http://install.test/simple'",
      ":env:.cert='/etc/ca.crt'",
      "global.cert='/other.crt'",
      "global.find-links='/a /b'",
    ].join("\n");
    expect(pipSettingsForUv(listed)).toEqual({
      UV_DEFAULT_INDEX: "http://install.test/simple",
      SSL_CERT_FILE: "/etc/ca.crt",
      UV_FIND_LINKS: "/a,/b",
    });
  });

  test("nothing set gives nothing", () => {
    expect(pipSettingsForUv("")).toEqual({});
  });
});

describe("a failed installation is one sentence", () => {
  const failed = (output: string): string =>
    String(
      (packageFailure("requirements", new CommandFailed("uv", "failed with code 1", output), live) as Error).message,
    );

  test("with the tool's last meaningful line", () => {
    const output =
      "error: No solution\n  × No solution found:\n  ╰─▶ Because nothing-1 was not found\nhint: try again\n";
    expect(failed(output)).toBe("requirements cannot be installed: Because nothing-1 was not found");
  });

  test("that names a full disk and an index out of reach", () => {
    expect(failed("error: failed to write\n  Caused by: No space left on device (os error 28)")).toMatch(
      /disk is full/,
    );
    expect(failed("error: Failed to fetch: `x`\n  Caused by: dns error")).toMatch(/index cannot be reached/);
  });

  test("that names the package that would have to be built", () => {
    const says =
      "requirements: evil has no wheel, and is not built here; name a version that has a wheel for this machine's Python";
    const unusable = "error: No solution found\n  cause: Because evil==1.0 has no usable wheels\n";
    expect(failed(`${unusable}\nhint: Wheels are required for \`evil\` because building is disabled`)).toBe(says);
    expect(failed("error: Failed\n  cause: Building source distributions for `evil` is disabled")).toBe(says);
  });

  test("that shows no credentials", () => {
    expect(lastMeaningfulLine("error: cannot read https://user:secret@host.test/simple")).not.toContain("secret");
  });
});

test("a command that is aborted stops, with what it started", async () => {
  const controller = new AbortController();
  const running = run("sh", ["-c", "sleep 60 & wait"], { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  await expect(running).rejects.toThrow(/abort/i);
});
