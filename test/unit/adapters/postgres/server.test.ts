import pg from "pg";
import { describe, expect, it } from "vitest";
import { connectionIssue } from "../../../../src/adapters/postgres/server.ts";
import { sentenceOf } from "../../../../src/domain/refusals/clause.ts";

function answered(code: string, message: string): Error {
  const error = new pg.DatabaseError(message, 0, "error");
  error.code = code;
  return error;
}

const failed = (code: string, message = "it failed"): Error => Object.assign(new Error(message), { code });
const withTls = { sslMode: "verify-full" } as const;
const without = { sslMode: "disable" } as const;

describe("what is wrong with the way to PostgreSQL", () => {
  it.each([
    [new Error("The server does not support SSL connections"), withTls, "it has no TLS, and sslmode is verify-full"],
    [failed("SELF_SIGNED_CERT_IN_CHAIN"), withTls, "not trusted (SELF_SIGNED_CERT_IN_CHAIN); give its authority"],
    [failed("DEPTH_ZERO_SELF_SIGNED_CERT"), withTls, "not trusted"],
    [failed("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), withTls, "not trusted"],
    [failed("UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), withTls, "not trusted"],
    [failed("CERT_HAS_EXPIRED"), withTls, "its certificate has expired"],
    [failed("ERR_TLS_CERT_ALTNAME_INVALID"), withTls, "for another host name"],
    [
      answered("28000", 'no pg_hba.conf entry for host "10.0.0.1", user "u", database "d", no encryption'),
      ...[without, "it lets nobody in from here without TLS (pg_hba.conf), and sslmode is disable"],
    ],
    [
      answered("28000", 'no pg_hba.conf entry for host "10.0.0.1", user "u", database "d", SSL encryption'),
      ...[withTls, "add an entry to its pg_hba.conf"],
    ],
    [answered("28P01", 'password authentication failed for user "u"'), without, "wrong user or password"],
    [answered("3D000", 'database "d" does not exist'), without, "there is no such database"],
    [
      new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string"),
      ...[without, "it asks for a password, and the url has none"],
    ],
  ] as [Error, typeof withTls, string][])("%s", (error, server, sentence) => {
    const issue = connectionIssue(error, server);
    expect(issue && sentenceOf(issue)).toContain(sentence);
  });

  it.each([
    failed("ECONNREFUSED"),
    failed("ECONNRESET"),
    failed("ENOTFOUND"),
    new Error("Connection terminated unexpectedly"),
    answered("57P03", "the database system is starting up"),
    answered("53300", "too many clients already"),
  ])("is nothing that time does not mend: %s", (error) => {
    expect(connectionIssue(error, withTls)).toBeUndefined();
  });
});
