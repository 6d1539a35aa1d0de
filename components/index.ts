/** What the package `menagerie` exports: an environment as it is read, and every component with its arguments. */
import "../src/program/oneSdk.ts";

export { Environment } from "../src/environment/environment.ts";
export type { EnvironmentOptions } from "../src/environment/read.ts";
export * from "./adminSecrets.ts";
export * from "./controlAccess.ts";
export * from "./developmentVersion.ts";
export * from "./dynamicSettings.ts";
export * from "./gpuNodePool.ts";
export * from "./inferenceService.ts";
export * from "./keyCheck.ts";
export * from "./modelZooEntry.ts";
export * from "./networkPolicies.ts";
export * from "./platformDatabase.ts";
export * from "./platformServices.ts";
export * from "./postgresCluster.ts";
export * from "./predictionStore.ts";
export * from "./recordedModel.ts";
export * from "./releaseEnvironment.ts";
export * from "./releaseRecord.ts";
export * from "./releaseSchema.ts";
export * from "./routeGrants.ts";
export * from "./servedVersion.ts";
export * from "./shadowDeployment.ts";
export * from "./sharedEnvironment.ts";
export * from "./statePipeline.ts";
export * from "./trafficMirror.ts";
export * from "./trussBuildPipeline.ts";
