/** What iris is asked. */
export const flower = { inputs: [[5.1, 3.5, 1.4, 0.2]] };

/** Asks for a prediction of {@link flower}, one request after another while `work` goes on; answers every failure. */
export async function predictDuring(
  url: string,
  work: () => Promise<unknown>,
): Promise<{ sent: number; failed: string[] }> {
  const failed: string[] = [];
  let sent = 0;
  let over = false;
  const predictions = (async () => {
    while (!over) {
      sent += 1;
      const request = { method: "POST", body: JSON.stringify(flower), signal: AbortSignal.timeout(60_000) };
      const answer = await fetch(url, request).then(
        async (response) => {
          const text = await response.text();
          return response.ok ? undefined : `${response.status} ${text}`;
        },
        (error: unknown) => String(error),
      );
      if (answer !== undefined) failed.push(`${new Date().toISOString()} ${answer}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  try {
    await work();
  } finally {
    over = true;
    await predictions;
  }
  return { sent, failed };
}
