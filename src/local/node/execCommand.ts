import { capabilities } from "./bubblewrap.ts";

/**
 * Variables by which a program is told to load code or files, in any libc. Source: those that glibc drops for programs
 * with more rights than their caller (ld.so(8), secure-execution mode), and musl's.
 */
const loaderVariable =
  /^(LD_.*|GLIBC_TUNABLES|MALLOC_.*|GCONV_PATH|GETCONF_DIR|LOCPATH|MUSL_LOCPATH|NLSPATH|HOSTALIASES|LOCALDOMAIN|NIS_PATH|RES_OPTIONS|RESOLV_HOST_CONF|TZDIR)$/;

/** What to start outside of a container so that a command runs inside. */
export interface ExecCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Enters the namespaces of a container's process `pid` and runs `command` there with its environment and with no more
 * rights than it has. The container decides over `environ`, so what could make nsenter itself, which still stands
 * outside and has every capability, load something reaches the command only. Everything else goes as environment and
 * not as argument, because arguments can be read by all users of the machine.
 */
export function execCommand(
  pid: number,
  environ: Readonly<Record<string, string>>,
  command: readonly string[],
): ExecCommand {
  const entries = Object.entries(environ);
  const loader = entries.filter(([name]) => loaderVariable.test(name)).map(([name, value]) => `${name}=${value}`);
  const kept = capabilities.map((name) => `+${name.toLowerCase()}`).join(",");
  return {
    command: "/usr/bin/nsenter",
    args: [
      ...["--target", String(pid), "--mount", "--pid", "--net", "--uts", "--ipc", "--wd", "--"],
      // Before anything that listens to the container's variables. bubblewrap sets no_new_privs as well.
      ...["/usr/bin/setpriv", "--no-new-privs", "--inh-caps=-all", `--bounding-set=-all,${kept}`, "--"],
      ...(loader.length > 0 ? ["/usr/bin/env", ...loader] : []),
      ...command,
    ],
    env: Object.fromEntries(entries.filter(([name]) => !loaderVariable.test(name))),
  };
}

/** Variables of `/proc/<pid>/environ`. */
export function parseEnviron(environ: string): Record<string, string> {
  return Object.fromEntries(
    environ
      .split("\0")
      .filter((entry) => entry.includes("="))
      .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
}
