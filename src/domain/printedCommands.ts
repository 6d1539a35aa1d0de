/** Commands that concern no environment. */
const ofNone = /^`(npx )?menagerie (preview-summary|promote|destroy|truss) /;

/**
 * A text whose commands of `menagerie rollout`, in backticks, are about the table that a file names: each that reads or writes a
 * journal gets ` --target FILE`, unless it has one. Without it, it would be about the platform's own apps.
 */
export function ofTarget(text: string, file: string | undefined): string {
  if (file === undefined) return text;
  return text.replaceAll(/`(?:npx )?menagerie rollout (?:forward|revert|pause|resume) [^`]*`/g, (command) =>
    / --target\b/.test(command) ? command : `${command.slice(0, -1)} --target ${file}\``,
  );
}

/**
 * A text whose commands of `menagerie`, in backticks, are for an environment: each gets ` -e NAME`, unless it has one, is about a stack,
 * or the environment is the default one. Whoever words a sentence does not know for which environment it will be printed.
 */
export function inEnvironment(text: string, environment: string | undefined): string {
  if (environment === undefined || environment === "" || environment === "local") return text;
  return text.replaceAll(/`(?:npx )?menagerie [a-z][^`]*`/g, (command) => {
    if (ofNone.test(command.replace(/`$/, " ")) || / (-e|-s|--environment|--stack)\b/.test(command)) return command;
    const [own = "", engine] = command.slice(0, -1).split(/(?= -- )/);
    return `${own} -e ${environment}${engine ?? ""}\``;
  });
}
