import { ProblemError } from "./client";

export interface ReportRequest {
  format: string;
  filter: string;
  /** Date and time in UTC as an input gives them, for example 2026-11-20T08:00; empty is now. */
  asOf: string;
  rules: "then" | "now";
}

export function reportAddress(r: ReportRequest): string {
  const query = new URLSearchParams({ format: r.format });
  if (r.filter.trim() !== "") {
    query.set("filter", r.filter.trim());
  }
  if (r.asOf !== "") {
    query.set("asOf", `${r.asOf.length === 16 ? `${r.asOf}:00` : r.asOf}Z`);
    query.set("rules", r.rules);
  }
  return `/api/v1/reports/compliance?${query}`;
}

/** The report as a file with its name, or the problem that the server tells instead. */
export async function fetchReport(address: string): Promise<{ name: string; content: Blob }> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (cause) {
    throw new ProblemError({
      type: "about:blank",
      title: "The server does not answer",
      status: 0,
      detail: String(cause),
    });
  }
  if (!response.ok) {
    const problem: unknown = await response.json().catch(() => null);
    throw new ProblemError({
      type: "about:blank",
      title: response.statusText || "Unexpected answer",
      status: response.status,
      ...(typeof problem === "object" ? problem : {}),
    });
  }
  const name = /filename="?([^";]+)"?/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  return { name: name ?? "compliance", content: await response.blob() };
}
