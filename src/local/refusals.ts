import type { RefusalTable } from "../domain/refusals/entry.ts";
import { errorsOfTable, refusalsOfTable } from "../domain/refusals/refusal.ts";

/** What the embedded environment refuses, and why it does not start. */
export const localRefusals = {
  "engine.busy": {
    says: 'another run of the engine (process {holder}) works on stack "{stack}"',
    fix: "wait for its end, or stop it with `kill -INT {holder}`",
    cause: "Two runs of the engine at once would overwrite each other's state.",
    exit: 1,
  },
  "engine.failed": {
    says: "pulumi {args} failed: {reason}",
    fix: "",
    cause: "A command of the engine that prepares the run has failed; the words are its last.",
    exit: 1,
  },
  "environment.does-not-end": {
    says: 'environment "{name}" does not stop',
    fix: "see {logs}/keeper.log",
    cause: "A process of the environment does not react to signals.",
    exit: 1,
  },
  "environment.cannot-start": {
    says: "the environment cannot start: {error}",
    fix: "",
    cause: "A step of the start has failed for good; the words are its own.",
    exit: 1,
  },
  "environment.ended": {
    says: "the environment ended while it started",
    fix: "see {logs}/keeper.log",
    cause: "The process that keeps the environment ended: it was killed, or ran out of memory.",
    exit: 1,
  },
  "environment.silent": {
    says: "the environment's supervisor does not answer",
    fix: "see {logs}/keeper.log",
    cause: "The process that supervises the environment hangs, or was stopped.",
    exit: 1,
  },
  "environment.step-failed": {
    says: "{step} does not succeed: {reason}",
    fix: "",
    cause: "A step of the start fails again and again; the words are of its last try.",
    exit: 1,
  },
  "environment.part-not-ready": {
    says: "{part} does not become ready (last exit: {exit})",
    fix: "see {logs}/{part}.log",
    cause: "A process of the environment starts and ends again, or never answers.",
    exit: 1,
  },
  "environment.state-unreadable": {
    says: "{stateFile} is not the state of an environment ({reason})",
    fix: "restore it or remove the folder {root}",
    cause: "The file says which ports and versions the environment has; it was edited or cut off.",
  },
  "environment.bad-name": {
    says: 'environment name "{name}" is not possible',
    fix: 'use at most 32 lower-case letters, digits and dashes, such as "local"',
    cause: "The name becomes part of names of folders, sockets and processes.",
  },
  "port.taken": {
    says: "port {port} on {host} is taken",
    fix: "stop what listens there, or choose another port",
    cause: "Another program, or another environment, listens there.",
    exit: 1,
  },
  "port.not-allowed": {
    says: "port {port} on {host} is not allowed to this user",
    fix: "choose one of 1024 or above",
    cause: "Ports below 1024 are for root.",
    exit: 1,
  },
  "port.cannot-listen": {
    says: "cannot listen on {host}:{port}: {reason}",
    fix: "",
    cause: "The address is not one of this machine's, or the system has no sockets left.",
    exit: 1,
  },
  "node.usage": {
    says: "the node has no environment",
    fix: "run it as main.ts <environment name> <menagerie home>",
    cause: "The supervisor starts nodes; by hand they need the same arguments.",
  },
  "node.no-shim": {
    says: "MENAGERIE_CONTAINER_SHIM is not set",
    fix: "name the container-shim binary",
    cause: "Containers are started by a small program that enters their namespaces.",
  },
  "node.shim-not-executable": {
    says: 'MENAGERIE_CONTAINER_SHIM "{shim}" cannot be executed',
    fix: "build tools/container-shim",
    cause: "Containers are started by a small program that enters their namespaces.",
  },
  "stack.committed-unreadable": {
    says: "{committedFile} cannot be read ({reason})",
    fix: "restore it with `git checkout {committedFile}`",
    cause: "The local stack's file is part of the checkout.",
  },
  "environment.has-own-cluster": {
    says: 'environment "{name}" has an embedded cluster',
    fix: "give another one with -e NAME, or `menagerie down -e {name} --delete` first",
    cause: "An environment's objects are in one cluster; another would be a second environment.",
  },
  "environment.target-unreadable": {
    says: "{file} does not name a cluster ({reason})",
    fix: "remove it and run `up` again",
    cause: "The file says which cluster of your own the environment uses; it was edited or cut off.",
  },
  "machine.not-linux": {
    says: "the embedded environment needs Linux and this is {platform}",
    fix: "use a Linux virtual machine, or --kubeconfig with an existing cluster",
    cause: "The cluster is made of Linux namespaces.",
    exit: 1,
  },
  "machine.old-node": {
    says: "this runs on Node.js {nodeVersion} and needs 24 or newer",
    fix: "start it with `npm run up` or `npx menagerie`, which use the pinned one",
    cause: "The sources are TypeScript, which Node.js runs from version 24 on.",
    exit: 1,
  },
  "machine.home-in-sight": {
    says: 'MENAGERIE_HOME "{home}" is below {inside}, whose programs containers can see, and it would hold keys',
    fix: "set it to a folder elsewhere, such as ~/.local/share/menagerie",
    cause: "Containers see the machine's programs, and would see the keys and passwords of environments with them.",
    exit: 1,
  },
  "machine.disk": {
    says: "{has} GiB are free in the file system of {folder} and {needed} GiB are needed {why}",
    fix: "free some, or set {variable} to a folder with more",
    cause: "A disk that is full halfway leaves a database and a cluster that cannot go on.",
    exit: 1,
  },
  "machine.no-go": {
    says: "building {tools} needs Go, and no go on PATH runs",
    fix: "install Go {needed} or newer from https://go.dev/dl and put its bin folder on PATH",
    cause: "Tools that cannot be downloaded are built from their sources.",
    exit: 1,
  },
  "machine.old-go": {
    says: "the go on PATH is {version} and {needed} is needed",
    fix: "install Go {needed} or newer from https://go.dev/dl and put its bin folder on PATH",
    cause:
      "Tools that cannot be downloaded are built from their sources, and from Go 1.21 on go fetches a newer one itself.",
    exit: 1,
  },
  "machine.silent-python": {
    says: "python3 did not answer within 20 s",
    fix: "run it to see why, or name another one in MENAGERIE_PYTHON",
    cause: "Models run on this machine's Python.",
    exit: 1,
  },
  "machine.no-python": {
    says: "there is no Python 3.10 to 3.13 on PATH, and none is named in MENAGERIE_PYTHON",
    fix: "",
    cause: "Models run on this machine's Python; the sentence ends with the command that installs it.",
    exit: 1,
  },
  "machine.no-programs": {
    says: "missing on PATH: {programs}",
    fix: "",
    cause: "Containers are started by these programs; the sentence ends with the command that installs them.",
    exit: 1,
  },
  "machine.no-bridge": {
    says: "no network bridge can be made in a user namespace ({said})",
    fix: "load the kernel's bridge module, and veth with it",
    cause: "Pods have network interfaces of their own, which a bridge joins.",
    exit: 1,
  },
  "machine.home-not-writable": {
    says: "{home} cannot be written ({reason})",
    fix: "set MENAGERIE_HOME to a folder of yours",
    cause: "Environments live below MENAGERIE_HOME.",
    exit: 1,
  },
  "machine.no-overlay": {
    says: "overlayfs cannot be mounted in a user namespace over {home} ({said})",
    fix: "use Linux 5.11 or newer with the overlay module loaded, and set MENAGERIE_HOME to a folder on a local file system (ext4, xfs, btrfs, tmpfs)",
    cause: "Containers see their image copy-on-write, which is an overlay.",
    exit: 1,
  },
  "machine.user-namespaces-forbidden": {
    says: "{who} forbids user namespaces to ordinary users ({key}={bad}, and a line `{key}={good}` in /etc/sysctl.d keeps it allowed after a restart)",
    fix: "",
    cause:
      "The cluster runs without root, in a user namespace; the sentence ends with the command that allows it until the next restart.",
    exit: 1,
  },
  "machine.no-namespaces": {
    says: "user, network, mount and PID namespaces cannot be made here ({said})",
    fix: "inside a container, start it with --privileged, or with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined",
    cause: "The cluster is made of Linux namespaces.",
    exit: 1,
  },
  "program.no-folder": {
    says: "--program {folder}: there is no such folder",
    fix: "give the folder that holds the program's Pulumi.yaml",
    cause: "The engine runs a program in its own folder.",
  },
  "program.is-checkout": {
    says: "--program {folder} is this checkout, whose own program the environment runs",
    fix: "leave --program out",
    cause:
      "The checkout's program is the environment's own stack, which --program would run a second time beside itself.",
  },
  "program.unreadable": {
    says: "--program {folder}: its Pulumi.yaml cannot be read ({reason})",
    fix: "correct the file",
    cause: "Name and runtime of a program stand in its Pulumi.yaml.",
  },
  "program.no-project": {
    says: "--program {folder}: it has no Pulumi.yaml that names a project",
    fix: "make one there with `pulumi new typescript`, or give the folder that has it",
    cause: "A Pulumi program is a folder with a Pulumi.yaml, which says its name and its runtime.",
  },
  "program.other-runtime": {
    says: '--program {folder}: the runtime in Pulumi.yaml is "{runtime}"',
    fix: "use a program of runtime nodejs",
    cause: "The package holds components for Node.js, and an environment has the language host of Node.js only.",
  },
  "program.name-taken": {
    says: "--program {folder}: the project is named {name}, as the environment's own stack is",
    fix: "change `name` in its Pulumi.yaml",
    cause:
      "The engine keeps the state of a stack by the project's name. Under the same name an `up` would delete what the environment has.",
  },
  "program.not-installed": {
    says: "--program {folder}: @pulumi/pulumi is not installed there",
    fix: "run `npm install` in it",
    cause: "A program runs with the packages of its own folder.",
  },
  "program.without-package": {
    says: "--program {folder}: the package menagerie is not installed there",
    fix: "run `npm run pack` in the checkout of Menagerie, and `npm install FILE` with the file that it names in the program's folder",
    cause: "A state of the program's resources names the package, which the engine looks for in the program's folder.",
  },
  "program.package-unbuilt": {
    says: "--program {folder}: the package menagerie that is installed there holds no compiled code",
    fix: "pack it with `npm run pack`, which compiles it, and install that file",
    cause:
      "The package was packed without its `prepack` script, which .npmrc turns off for everything else, or is a link to a checkout.",
  },
  "program.other-plugin": {
    says: "--program {folder} has {name} {has}, and the environment the plugin of {wanted}",
    fix: "run `npm install --save-exact {name}@{wanted}` in it",
    cause:
      "The engine runs a provider's plugin of exactly the SDK's version, and an embedded environment has one of each.",
  },
  "program.stack-file-unreadable": {
    says: "{file} cannot be read: {reason}",
    fix: "correct the file",
    cause: "The config of a program's stack in an environment begins from its Pulumi.local.yaml, where it has one.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(localRefusals);

export const refusal = refusalsOfTable(localRefusals);
