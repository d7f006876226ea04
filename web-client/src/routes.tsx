import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import type { ListState } from "./api/fleet";
import { lastDays, spanState, trendState } from "./api/history";
import { whatIfState } from "./api/whatif";
import { NotFound } from "./components/NotFound";
import { Shell } from "./components/Shell";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

/** The state of a list as the address holds it; what does not belong there is left out. */
export function listState(search: Record<string, unknown>): ListState {
  const state: ListState = {};
  if (typeof search.filter === "string" && search.filter !== "") {
    state.filter = search.filter;
  }
  if (search.sort === "severity") {
    state.sort = "severity";
  }
  return state;
}

const list = { getParentRoute: () => root, validateSearch: listState };
/** Without both instants in the address a link to it would show something else later, so that they are put there. */
const spans = (path: "/changes" | "/differences") => ({
  getParentRoute: () => root,
  validateSearch: spanState,
  beforeLoad: ({ search }: { search: ReturnType<typeof spanState> }) => {
    if (!search.from || !search.to) {
      throw redirect({ to: path, search: { ...lastDays(7), ...search }, replace: true });
    }
  },
});
const plain = { getParentRoute: () => root };

const routes = [
  createRoute({ ...list, path: "/", component: lazyRouteComponent(() => import("./pages/Sites/Sites"), "Sites") }),
  createRoute({
    ...plain,
    path: "/sites",
    beforeLoad: () => {
      throw redirect({ to: "/", replace: true });
    },
  }),
  createRoute({
    ...plain,
    path: "/sites/$site",
    component: lazyRouteComponent(() => import("./pages/Site/Site"), "Site"),
  }),
  createRoute({
    ...list,
    path: "/clusters",
    component: lazyRouteComponent(() => import("./pages/Clusters/Clusters"), "Clusters"),
  }),
  createRoute({
    ...list,
    path: "/map",
    component: lazyRouteComponent(() => import("./pages/RegionMap/RegionMap"), "RegionMap"),
  }),
  createRoute({
    ...list,
    path: "/findings",
    component: lazyRouteComponent(() => import("./pages/Findings/Findings"), "Findings"),
  }),
  createRoute({
    ...list,
    path: "/infrastructure",
    component: lazyRouteComponent(() => import("./pages/Shared/Shared"), "SharedInfrastructure"),
  }),
  createRoute({
    ...plain,
    path: "/what-if",
    validateSearch: whatIfState,
    component: lazyRouteComponent(() => import("./pages/WhatIf/WhatIf"), "WhatIf"),
  }),
  createRoute({
    ...plain,
    path: "/plan",
    validateSearch: (search: Record<string, unknown>): { find?: string } =>
      typeof search.find === "string" && search.find !== "" ? { find: search.find } : {},
    component: lazyRouteComponent(() => import("./pages/Plan/Plan"), "Plan"),
  }),
  createRoute({
    ...spans("/changes"),
    path: "/changes",
    component: lazyRouteComponent(() => import("./pages/Changes/Changes"), "Changes"),
  }),
  createRoute({
    ...spans("/differences"),
    path: "/differences",
    component: lazyRouteComponent(() => import("./pages/Differences/Differences"), "Differences"),
  }),
  createRoute({
    ...plain,
    path: "/trends",
    validateSearch: trendState,
    beforeLoad: ({ search }) => {
      if (!search.from || !search.to) {
        throw redirect({ to: "/trends", search: { ...lastDays(30), ...search }, replace: true });
      }
    },
    component: lazyRouteComponent(() => import("./pages/Trends/Trends"), "Trends"),
  }),
  createRoute({
    ...plain,
    path: "/rules",
    component: lazyRouteComponent(() => import("./pages/Rules/Rules"), "Rules"),
  }),
  createRoute({
    ...plain,
    path: "/rejections",
    component: lazyRouteComponent(() => import("./pages/Rejections/Rejections"), "Rejections"),
  }),
  createRoute({
    ...plain,
    path: "/reports",
    component: lazyRouteComponent(() => import("./pages/Reports/Reports"), "Reports"),
  }),
  createRoute({
    ...list,
    path: "/waivers",
    component: lazyRouteComponent(() => import("./pages/Waivers/Waivers"), "Waivers"),
  }),
  createRoute({
    ...plain,
    path: "/policies",
    component: lazyRouteComponent(() => import("./pages/Policies/Policies"), "Policies"),
  }),
  createRoute({
    ...list,
    path: "/audit",
    component: lazyRouteComponent(() => import("./pages/Audit/Audit"), "Audit"),
  }),
  createRoute({
    ...list,
    path: "/enrolments",
    component: lazyRouteComponent(() => import("./pages/Enrolments/Enrolments"), "Enrolments"),
  }),
  createRoute({
    ...list,
    path: "/notifications",
    component: lazyRouteComponent(() => import("./pages/Notifications/Notifications"), "Notifications"),
  }),
  createRoute({
    ...plain,
    path: "/notifications/$webhook",
    component: lazyRouteComponent(() => import("./pages/Notifications/Webhook"), "Webhook"),
  }),
  createRoute({
    ...list,
    path: "/notifications/$webhook/dead-letters",
    component: lazyRouteComponent(() => import("./pages/Notifications/DeadLetters"), "DeadLetters"),
  }),
  createRoute({
    ...list,
    path: "/tokens",
    component: lazyRouteComponent(() => import("./pages/Tokens/Tokens"), "Tokens"),
  }),
  createRoute({
    ...plain,
    path: "/connect",
    component: lazyRouteComponent(() => import("./pages/Connect/Connect"), "Connect"),
  }),
] as const;

export const routeTree = root.addChildren(routes);

export const router = createRouter({ routeTree, defaultPreload: "intent", scrollRestoration: true });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
