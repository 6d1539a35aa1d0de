import { prove, type WantedProof } from "../../src/cli/prove/prove.ts";
import type { Proving } from "../../src/cli/prove/proveModel.ts";
import { withRevisions } from "../../src/cli/prove/revisions.ts";
import { silent } from "../../src/domain/progress.ts";
import type { ProofResult } from "../../src/domain/proof/result.ts";
import { usualRisk } from "../../src/domain/proof/tally.ts";
import type { BringUp } from "../../src/domain/trial/trial.ts";
import { playedTrials } from "./playedTrial.ts";
import { ProofRepository } from "./proofRepository.ts";

const control = "live_reload: true\nuse_control_plane: true\n";

/** A repository whose branch `change` edits a zoo model `iris` that answers as before, and a development version `mine`. */
export async function changedRepository(): Promise<ProofRepository> {
  const repository = await ProofRepository.create();
  const iris = { truss: "models/iris", phase: "done", env: { A: "1" } };
  await repository.model("iris", { factor: 2 });
  await repository.model("mine", { factor: 1 }, control);
  await repository.stack({ zoo: { iris }, development: { mine: { truss: "models/mine" } } });
  await repository.sample("iris", 40);
  await repository.sample("mine", 5);
  await repository.commit();
  await repository.git("checkout", "-q", "-b", "change");
  await repository.model("iris", { factor: 2, unit: "m" });
  await repository.model("mine", { factor: 1, unit: "m" }, control);
  await repository.commit();
  return repository;
}

/** The proof of a repository's HEAD against its branch `main`, by models that tests play. */
export function provenHead({ folder }: ProofRepository): Promise<ProofResult> {
  const proving = provingBy(playedTrials().bringUp);
  return withRevisions(
    { stack: "local", base: "main", head: "HEAD" },
    (both) => prove(both, usualProof, proving),
    folder,
  );
}

/** As the command asks for it where nothing else is said. */
export const usualProof: WantedProof = { stack: "local", samples: [], requests: 500, identity: undefined };

/** How tests make a proof. */
export function provingBy(bringUp: BringUp, more: Partial<Proving> = {}): Proving {
  return {
    bringUp,
    seed: "1",
    repeat: 3,
    risk: usualRisk,
    timeoutMs: 5_000,
    startWithinSeconds: 60,
    secrets: {},
    progress: silent,
    deadline: new Date(Date.now() + 600_000),
    signal: new AbortController().signal,
    ...more,
  };
}
