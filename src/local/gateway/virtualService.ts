import type { KubernetesObject } from "@kubernetes/client-node";

/**
 * The part of networking.istio.io/v1 VirtualService that the gateway follows. The API server holds objects to the
 * CRD's schema, so what is here has these shapes; fields that are absent here are ignored (see `unsupported`).
 */
export interface VirtualService extends KubernetesObject {
  readonly spec?: {
    readonly hosts?: readonly string[];
    readonly gateways?: readonly string[];
    readonly http?: readonly HttpRoute[];
  };
}

export interface HttpRoute {
  readonly name?: string;
  readonly match?: readonly HttpMatch[];
  readonly route?: readonly RouteDestination[];
  readonly redirect?: HttpRedirect;
  readonly directResponse?: {
    readonly status: number;
    readonly body?: { readonly string?: string; readonly bytes?: string };
  };
  readonly rewrite?: {
    readonly uri?: string;
    readonly authority?: string;
    readonly uriRegexRewrite?: { readonly match: string; readonly rewrite: string };
  };
  /** Duration such as `5s`; absent or `0s` means none. */
  readonly timeout?: string;
  readonly retries?: { readonly attempts?: number };
  readonly mirror?: Destination;
  readonly mirrorPercentage?: { readonly value?: number };
  readonly mirrors?: readonly {
    readonly destination: Destination;
    readonly percentage?: { readonly value?: number };
  }[];
  readonly headers?: HeaderRules;
  readonly delegate?: object;
  readonly fault?: object;
  readonly corsPolicy?: object;
}

export interface HttpMatch {
  readonly uri?: StringMatch;
  readonly scheme?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  readonly headers?: Readonly<Record<string, StringMatch>>;
  readonly withoutHeaders?: Readonly<Record<string, StringMatch>>;
  readonly queryParams?: Readonly<Record<string, StringMatch>>;
  readonly ignoreUriCase?: boolean;
  readonly gateways?: readonly string[];
  readonly port?: number;
}

/** At most one of the three; none means "present, with any value" for headers. */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

export interface Destination {
  readonly host: string;
  readonly port?: { readonly number?: number };
  readonly subset?: string;
}

export interface RouteDestination {
  readonly destination: Destination;
  readonly weight?: number;
  readonly headers?: HeaderRules;
}

export interface HttpRedirect {
  readonly uri?: string;
  readonly authority?: string;
  readonly scheme?: string;
  readonly port?: number;
  readonly derivePort?: "FROM_PROTOCOL_DEFAULT" | "FROM_REQUEST_PORT";
  readonly redirectCode?: number;
}

export interface HeaderRules {
  readonly request?: HeaderOperations;
  readonly response?: HeaderOperations;
}

export interface HeaderOperations {
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}
