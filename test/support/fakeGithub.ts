import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A pull request as GitHub keeps it. */
export interface KeptPull {
  readonly head: string;
  readonly base: string;
  readonly title: string;
  readonly body: string;
  state: "open" | "closed";
}

/** GitHub's interface to the pull requests of `acme/models`, as https://docs.github.com/en/rest/pulls/pulls describes it. */
export interface FakeGithub {
  readonly pulls: KeptPull[];
  /** What a process asks it with. */
  readonly env: Readonly<Record<string, string>>;
  /** Answers everything like this from now on; undefined: as it should. */
  broken: { readonly status: number; readonly message: string } | undefined;
  close(): void;
}

const token = "gh-token";

export async function startGithub(): Promise<FakeGithub> {
  const pulls: KeptPull[] = [];
  const shown = (pull: KeptPull) => ({
    number: pulls.indexOf(pull) + 1,
    html_url: `https://github.example/acme/models/pull/${pulls.indexOf(pull) + 1}`,
    ...pull,
  });
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body));
    const refuse = (status: number, message: string, errors: readonly string[] = []) =>
      answer(status, { message, errors: errors.map((each) => ({ message: each })) });
    const url = new URL(request.url ?? "", "http://github");
    if (github.broken) return refuse(github.broken.status, github.broken.message);
    if (request.headers.authorization !== `Bearer ${token}`) return refuse(401, "Bad credentials");
    if (url.pathname !== "/repos/acme/models/pulls") return refuse(404, "Not Found");
    if (request.method === "GET") {
      const [owner, head] = (url.searchParams.get("head") ?? "").split(/:(.*)/s);
      const state = url.searchParams.get("state") ?? "open";
      const found = pulls.filter(
        (pull) => owner === "acme" && pull.head === head && (state === "all" || pull.state === state),
      );
      return answer(200, found.map(shown).reverse());
    }
    const wanted = JSON.parse(await text(request)) as Omit<KeptPull, "state">;
    if (pulls.some((pull) => pull.head === wanted.head && pull.state === "open"))
      return refuse(422, "Validation Failed", [`A pull request already exists for acme:${wanted.head}.`]);
    const pull: KeptPull = { ...wanted, state: "open" };
    pulls.push(pull);
    return answer(201, shown(pull));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const github: FakeGithub = {
    pulls,
    env: {
      GH_TOKEN: token,
      GITHUB_REPOSITORY: "acme/models",
      GITHUB_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    },
    broken: undefined,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return github;
}
