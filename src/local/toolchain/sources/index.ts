import { downloadPlugin } from "../pluginDownload.ts";
import type { AnyTool } from "../tools.ts";
import type { Executables, Source, SourceContext } from "./source.ts";

/** The sources of one run, in order: what one does not have, the next may; what none has is built. */
export class ToolSources implements Source {
  readonly #context: SourceContext;

  /** @param wanted all tools that this run lacks: what a release host is asked, and told, is decided once for them all */
  constructor(context: SourceContext, _wanted: readonly AnyTool[]) {
    this.#context = context;
  }

  async obtain(tool: AnyTool, target: string, say: (detail: string) => void): Promise<Executables | undefined> {
    say("downloading");
    return await downloadPlugin(tool, target, this.#context);
  }
}
