import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, ProblemError, type Schemas, unwrap } from "./client";
import { fleetKey, type ListState } from "./fleet";
import { pages, useWrite } from "./pages";

export type Webhook = Schemas["Webhook"];
export type WebhookRequest = Schemas["WebhookRequest"];
export type WebhookEvent = Schemas["WebhookEvent"];
export type WebhookTemplate = Schemas["WebhookTemplate"];
export type WebhookAttempt = Schemas["WebhookAttempt"];
export type DeadLetter = Schemas["DeadLetter"];

export const webhooksQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "webhooks", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/webhooks", { params: { query: { filter: s.filter, limit: 500, cursor: pageParam } } })),
    ...pages,
  });

/** A webhook with the tag under which it was read: a change names it, so that what somebody else changed is not undone. */
export const webhookQuery = (webhook: string) =>
  queryOptions({
    queryKey: [fleetKey, "webhook", webhook],
    queryFn: async () => {
      let tag = "";
      const read = api.GET("/webhooks/{webhook}", { params: { path: { webhook } } }).then((answer) => {
        tag = answer.response.headers.get("ETag") ?? "";
        return answer;
      });
      return { webhook: await unwrap(read), tag };
    },
  });

/** The server's events tell nothing of deliveries. */
const often = 5_000;

export const deliveriesQuery = (webhook: string) =>
  queryOptions({
    queryKey: [fleetKey, "deliveries", webhook],
    queryFn: () => unwrap(api.GET("/webhooks/{webhook}/deliveries", { params: { path: { webhook } } })),
    refetchInterval: often,
  });

export const deadLettersQuery = (webhook: string, s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "dead-letters", webhook, s],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/webhooks/{webhook}/dead-letters", {
          params: { path: { webhook }, query: { filter: s.filter, limit: 500, cursor: pageParam } },
        }),
      ),
    ...pages,
    refetchInterval: often,
  });

export const useCreateWebhook = () => useWrite((body: WebhookRequest) => unwrap(api.POST("/webhooks", { body })));

export const useUpdateWebhook = (webhook: string, tag: string) =>
  useWrite((body: WebhookRequest) =>
    unwrap(api.PUT("/webhooks/{webhook}", { params: { path: { webhook }, header: { "If-Match": tag } }, body })),
  );

/** A webhook that is gone is not read again: only the list is. */
export function useDeleteWebhook(webhook: string, tag: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () =>
      unwrap(
        api
          .DELETE("/webhooks/{webhook}", { params: { path: { webhook }, header: { "If-Match": tag } } })
          // The answer that says it is gone has no body.
          .then(({ response, error }) => ({ response, error, data: response.ok || undefined })),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: [fleetKey, "webhooks"] }),
  });
}

export const useTestWebhook = () =>
  useWrite((webhook: string) => unwrap(api.POST("/webhooks/{webhook}/test", { params: { path: { webhook } } })));

/** Ids that are absent mean all. */
export const useRedeliver = (webhook: string) =>
  useWrite((ids: string[] | undefined) =>
    unwrap(api.POST("/webhooks/{webhook}/redeliver", { params: { path: { webhook } }, body: ids ? { ids } : {} })),
  );

/** What the events are called for people, in groups. */
export const eventGroups: { group: string; events: { event: WebhookEvent; label: string }[] }[] = [
  {
    group: "Findings",
    events: [
      { event: "finding.opened", label: "opened" },
      { event: "finding.changed", label: "changed" },
      { event: "finding.closed", label: "closed" },
      { event: "finding.waived", label: "waived" },
    ],
  },
  {
    group: "Sites",
    events: [
      { event: "site.live", label: "live again" },
      { event: "site.late", label: "late" },
      { event: "site.stale", label: "stale" },
      { event: "site.lost", label: "lost" },
      { event: "inventory.rejected", label: "inventory refused" },
    ],
  },
  {
    group: "Waivers",
    events: [
      { event: "waiver.expiring", label: "end soon" },
      { event: "waiver.expired", label: "ended" },
    ],
  },
  {
    group: "Enrolments",
    events: [
      { event: "enrolment.requested", label: "requested" },
      { event: "enrolment.approved", label: "approved" },
      { event: "enrolment.joined", label: "joined" },
      { event: "enrolment.revoked", label: "revoked" },
    ],
  },
];

export const templates: { value: WebhookTemplate; label: string }[] = [
  { value: "cloudevents", label: "CloudEvents, structured" },
  { value: "cloudevents-binary", label: "CloudEvents, binary" },
  { value: "teams", label: "Microsoft Teams" },
  { value: "slack", label: "Slack" },
];

/** Whether a change was refused because somebody else changed the webhook in between. */
export const isStale = (error: unknown): boolean => error instanceof ProblemError && error.problem.status === 412;
