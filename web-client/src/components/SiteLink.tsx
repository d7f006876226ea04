import { useRouter } from "@tanstack/react-router";
import type { MouseEvent, ReactNode } from "react";

/**
 * A link to a site for rows of which there may be many. The router's own link is drawn anew whenever anything of the address
 * changes, which for a list is each of its filters.
 */
export function SiteLink({ site, hash, children }: { site: string; hash?: string; children: ReactNode }) {
  const router = useRouter();
  const to = { to: "/sites/$site", params: { site }, hash } as const;
  const follow = (event: MouseEvent) => {
    // With a key held or another button the browser does what it does with any link.
    if (event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      router.navigate(to);
    }
  };
  return (
    <a
      href={`/sites/${encodeURIComponent(site)}${hash ? `#${hash}` : ""}`}
      onClick={follow}
      onMouseEnter={() => router.preloadRoute(to).catch(() => undefined)}
    >
      {children}
    </a>
  );
}
