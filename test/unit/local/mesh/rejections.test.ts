import { describe, expect, it } from "vitest";
import { rejectionsOf, suspectOf } from "../../../../src/local/mesh/rejections.ts";

const refused = (time: string, table: string, reason: string): string =>
  `[2026-11-29 ${time}][121][warning][config] [source/grpc_subscription_impl.cc:138] gRPC config for type.googleapis.com/envoy.config.x.v3.${table} rejected: ${reason}\n`;
const access = "2026-11-29T14:42:17.392Z 404 NR GET /x - route_not_found\n";
const at = (time: string): number => Date.parse(`2026-11-29T${time}Z`);
const routes = (time: string): string =>
  `http.a;.rds.http.80.update_time: 7\nhttp.b;.rds.http.0.update_time: ${at(time)}\nhttp.b.rds.http.0.update_rejected: 1\n`;

describe("tables that Envoy refuses", () => {
  it("are those that it took none of since, once each, with the reason on one line", () => {
    const log = `${access}${refused("14:42:22.430", "RouteConfiguration", "no field:\n  BOGUS")}${access}${refused("14:42:22.900", "RouteConfiguration", "again")}`;
    expect(rejectionsOf(log, routes("14:42:22.247"))).toEqual([
      { table: "RouteConfiguration", since: at("14:42:22.430"), reason: "no field: BOGUS" },
    ]);
    expect(rejectionsOf(log, routes("14:42:23.507"))).toEqual([]);
  });

  it("are told apart by kind", () => {
    const log = refused("14:00:00.000", "Cluster", "bad ring") + refused("15:00:00.000", "Listener", "bad filter");
    const stats = `cluster_manager.cds.update_time: ${at("14:30:00")}\nlistener_manager.lds.update_time: ${at("14:30:00")}\n`;
    expect(rejectionsOf(log, stats).map(({ table }) => table)).toEqual(["Listener"]);
  });

  it("are laid to the object that changed last before", () => {
    const object = (name: string, time: string) => ({
      kind: "VirtualService",
      namespace: "a",
      name,
      changedAt: at(time),
    });
    const objects = [object("old", "14:00:00"), object("bad", "14:42:22"), object("later", "14:42:23")];
    const rejection = { table: "RouteConfiguration", since: at("14:42:22.430"), reason: "" };
    expect(suspectOf(rejection, objects)?.name).toBe("bad");
    expect(suspectOf({ ...rejection, since: 0 }, objects)).toBeUndefined();
  });
});
