import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import type { ListState } from "./api/fleet";
import { NotFound } from "./components/NotFound";
import { Shell } from "./components/Shell";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

/** The state of a list as the address holds it; what does not belong there is left out. */
function listState(search: Record<string, unknown>): ListState {
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

const routes = [
  createRoute({ ...list, path: "/", component: lazyRouteComponent(() => import("./pages/Sites/Sites"), "Sites") }),
  createRoute({
    getParentRoute: () => root,
    path: "/sites/$site",
    component: lazyRouteComponent(() => import("./pages/Site/Site"), "Site"),
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
    getParentRoute: () => root,
    path: "/rules",
    component: lazyRouteComponent(() => import("./pages/Rules/Rules"), "Rules"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/rejections",
    component: lazyRouteComponent(() => import("./pages/Rejections/Rejections"), "Rejections"),
  }),
  createRoute({
    getParentRoute: () => root,
    path: "/reports",
    component: lazyRouteComponent(() => import("./pages/Reports/Reports"), "Reports"),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
