// Written by src/crds/generate.ts from the CRD of networking.istio.io/v1; do not edit.

export interface VirtualServiceSpec {
  exportTo?: string[];
  gateways?: string[];
  hosts?: string[];
  http?: {
    corsPolicy?: {
      allowCredentials?: boolean;
      allowHeaders?: string[];
      allowMethods?: string[];
      allowOrigin?: string[];
      allowOrigins?: {
        exact?: string;
        prefix?: string;
        regex?: string;
      }[];
      exposeHeaders?: string[];
      maxAge?: string;
      unmatchedPreflights?: "UNSPECIFIED" | "FORWARD" | "IGNORE";
    };
    delegate?: {
      name?: string;
      namespace?: string;
    };
    directResponse?: {
      body?: {
        bytes?: string;
        string?: string;
      };
      status: number;
    };
    fault?: {
      abort?: {
        grpcStatus?: string;
        http2Error?: string;
        httpStatus?: number;
        percentage?: {
          value?: number;
        };
      };
      delay?: {
        exponentialDelay?: string;
        fixedDelay?: string;
        percent?: number;
        percentage?: {
          value?: number;
        };
      };
    };
    headers?: {
      request?: {
        add?: {
          [k: string]: string;
        };
        remove?: string[];
        set?: {
          [k: string]: string;
        };
      };
      response?: {
        add?: {
          [k: string]: string;
        };
        remove?: string[];
        set?: {
          [k: string]: string;
        };
      };
    };
    match?: {
      authority?: {
        exact?: string;
        prefix?: string;
        regex?: string;
      };
      gateways?: string[];
      headers?: {
        [k: string]: {
          exact?: string;
          prefix?: string;
          regex?: string;
        };
      };
      ignoreUriCase?: boolean;
      method?: {
        exact?: string;
        prefix?: string;
        regex?: string;
      };
      name?: string;
      port?: number;
      queryParams?: {
        [k: string]: {
          exact?: string;
          prefix?: string;
          regex?: string;
        };
      };
      scheme?: {
        exact?: string;
        prefix?: string;
        regex?: string;
      };
      sourceLabels?: {
        [k: string]: string;
      };
      sourceNamespace?: string;
      statPrefix?: string;
      uri?: {
        exact?: string;
        prefix?: string;
        regex?: string;
      };
      withoutHeaders?: {
        [k: string]: {
          exact?: string;
          prefix?: string;
          regex?: string;
        };
      };
    }[];
    mirror?: {
      host: string;
      port?: {
        number?: number;
      };
      subset?: string;
    };
    mirror_percent?: number;
    mirrorPercent?: number;
    mirrorPercentage?: {
      value?: number;
    };
    mirrors?: {
      destination: {
        host: string;
        port?: {
          number?: number;
        };
        subset?: string;
      };
      percentage?: {
        value?: number;
      };
    }[];
    name?: string;
    redirect?: {
      authority?: string;
      derivePort?: "FROM_PROTOCOL_DEFAULT" | "FROM_REQUEST_PORT";
      port?: number;
      prefixRewrite?: string;
      redirectCode?: number;
      scheme?: string;
      uri?: string;
    };
    retries?: {
      attempts?: number;
      backoff?: string;
      perTryTimeout?: string;
      retryIgnorePreviousHosts?: boolean;
      retryOn?: string;
      retryRemoteLocalities?: boolean;
    };
    rewrite?: {
      authority?: string;
      uri?: string;
      uriRegexRewrite?: {
        match?: string;
        rewrite?: string;
      };
    };
    route?: {
      destination: {
        host: string;
        port?: {
          number?: number;
        };
        subset?: string;
      };
      headers?: {
        request?: {
          add?: {
            [k: string]: string;
          };
          remove?: string[];
          set?: {
            [k: string]: string;
          };
        };
        response?: {
          add?: {
            [k: string]: string;
          };
          remove?: string[];
          set?: {
            [k: string]: string;
          };
        };
      };
      weight?: number;
    }[];
    timeout?: string;
  }[];
  tcp?: {
    match?: {
      destinationSubnets?: string[];
      gateways?: string[];
      port?: number;
      sourceLabels?: {
        [k: string]: string;
      };
      sourceNamespace?: string;
      sourceSubnet?: string;
    }[];
    route?: {
      destination: {
        host: string;
        port?: {
          number?: number;
        };
        subset?: string;
      };
      weight?: number;
    }[];
  }[];
  tls?: {
    match: {
      destinationSubnets?: string[];
      gateways?: string[];
      port?: number;
      sniHosts: string[];
      sourceLabels?: {
        [k: string]: string;
      };
      sourceNamespace?: string;
    }[];
    route?: {
      destination: {
        host: string;
        port?: {
          number?: number;
        };
        subset?: string;
      };
      weight?: number;
    }[];
  }[];
}
