import type { RefusalTable } from "../../domain/refusals/entry.ts";
import { errorsOfTable } from "../../domain/refusals/refusal.ts";

/** Why tools of the embedded environment cannot be downloaded, built or packed. */
export const toolchainRefusals = {
  "tools.envoy-not-executable": {
    says: 'MENAGERIE_ENVOY is "{named}", which is not an executable file',
    fix: "name Envoy's, or unset the variable",
    cause: "MENAGERIE_ENVOY names an Envoy of your own.",
    exit: 1,
  },
  "tools.disk-full": {
    says: "the disk of {cache} is full",
    fix: "free about 8 GB there, or set MENAGERIE_CACHE to a folder with more room, and run this again",
    cause: "Tools are built and kept in the cache.",
    exit: 1,
  },
  "tools.cache-not-writable": {
    says: "the tool cache {cache} cannot be written ({code})",
    fix: "make it yours, or set MENAGERIE_CACHE to a folder that is",
    cause: "Tools are built and kept in the cache, which other environments of this user share.",
    exit: 1,
  },
  "pack.no-licence": {
    says: "the licence of {module} is not in Go's module cache and cannot be downloaded: {said}",
    fix: "",
    cause: "What is handed on carries the licences of everything in it.",
    exit: 1,
  },
  "pack.not-built": {
    says: "{title} is not built in {cache}",
    fix: "run `menagerie up` with MENAGERIE_TOOLS=build first",
    cause: "Packing takes what the cache has, and builds nothing.",
    exit: 1,
  },
  "pack.downloaded": {
    says: "{title} in {cache} was downloaded, and only builds are packed",
    fix: "set MENAGERIE_CACHE to another folder and run this again",
    cause: "What others published is not published again.",
    exit: 1,
  },
  "pack.no-crds": {
    says: "the CRDs are not in {cache}",
    fix: "run `menagerie up` with MENAGERIE_TOOLS=build first",
    cause: "Packing takes what the cache has, and builds nothing.",
    exit: 1,
  },
  "tools.mode": {
    says: 'MENAGERIE_TOOLS is "{value}"',
    fix: "use auto, release or build",
    cause: "Tools are downloaded, built, or whichever is possible.",
  },
  "tools.mirror-url": {
    says: 'MENAGERIE_TOOLS_URL is "{value}"',
    fix: "use an address such as https://mirror.example.com/tools",
    cause: "A mirror has the files of the official releases under its own address.",
  },
  "tools.pins-unreadable": {
    says: "{file} cannot be read: {reason}",
    fix: "restore it with `git checkout`",
    cause: "The pins say which release of each tool is downloaded, and its digest.",
  },
  "tools.pins-wrong": {
    says: "{file}: {path}: {reason}",
    fix: "restore it with `git checkout`",
    cause: "The pins say which release of each tool is downloaded, and its digest.",
  },
  "tools.not-downloaded": {
    says: "{title} cannot be downloaded: {reason}",
    fix: "correct that and run this again, which goes on with what has arrived, set MENAGERIE_TOOLS_URL to a mirror, or MENAGERIE_TOOLS=build to build it",
    cause: "The host of the release, or the way to it, does not answer as expected; what has arrived is kept.",
    exit: 1,
  },
  "go.not-pinned": {
    says: "building {purpose}: tools/{name}/go.sum does not vouch for {place}, so nothing was built",
    fix: "look at GOPROXY and at {log}",
    cause: "A module that go.sum does not have could be anything.",
    exit: 1,
  },
  "go.missing": {
    says: "building {purpose} needs Go {version} or newer, and there is no go on PATH",
    fix: "install it from https://go.dev/dl and put its bin folder on PATH",
    cause: "Tools that cannot be downloaded are built from their sources.",
    exit: 1,
  },
  "go.stalled": {
    says: "building {purpose} stopped, because nothing arrived from the Go module proxy for a while (`go env GOPROXY`, HTTPS_PROXY)",
    fix: "run this again, it goes on with what has arrived",
    cause: "The Go module proxy, or the way to it, is slow or hangs.",
    exit: 1,
  },
  "go.disk-full": {
    says: "building {purpose} ran out of disk space",
    fix: "free about 8 GB where `go env GOCACHE GOMODCACHE GOTMPDIR` and MENAGERIE_CACHE point, then run this again (what is built already is kept; log: {log})",
    cause: "The linker maps what it writes into memory, and dies of a bus error on a full disk.",
    exit: 1,
  },
  "go.too-old": {
    says: "building {purpose} needs Go {needed} or newer and this is Go {running}",
    fix: "install a newer one from https://go.dev/dl, or let go fetch it with GOTOOLCHAIN=auto",
    cause: "The modules that are built need a newer language version.",
    exit: 1,
  },
  "go.very-old": {
    says: "building {purpose} needs Go {version} or newer and this one is too old to read its go.mod",
    fix: "install a newer one from https://go.dev/dl",
    cause: "Before 1.21 go did not know that a go.mod can need a newer one.",
    exit: 1,
  },
  "go.newer-not-fetched": {
    says: "building {purpose} needs a newer Go, which go could not fetch ({reason})",
    fix: "install Go {version} or newer from https://go.dev/dl",
    cause: "Go downloads newer versions of itself as modules, which failed.",
    exit: 1,
  },
  "go.other-module": {
    says: "building {purpose}: a downloaded Go module is not the one that go.sum pins, so nothing was built",
    fix: "look at GOPROXY and at {log}",
    cause: "The module proxy answered with other content than the one that is pinned.",
    exit: 1,
  },
  "go.offline": {
    says: "building {purpose} could not download its Go modules ({reason})",
    fix: "connect this machine to a Go module proxy (GOPROXY, HTTPS_PROXY), then run this again",
    cause: "Sources are Go modules, which a proxy or their hosts have.",
    exit: 1,
  },
  "go.killed": {
    says: "building {purpose} was killed, most often for lack of memory",
    fix: "free about 4 GB, then run this again (it goes on where it stopped; log: {log})",
    cause: "The kernel ends what uses most memory when there is none left.",
    exit: 1,
  },
  "go.failed": {
    says: "building {purpose} failed: {reason} (whole log: {log})",
    fix: "",
    cause: "The build itself has failed; the last lines of its output are shown.",
    exit: 1,
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(toolchainRefusals);
