import { useRouter } from "@tanstack/react-router";
import type { MouseEvent } from "react";

/** A link to a rule for rows of which there may be many; see SiteLink. */
export function RuleLink({ rule }: { rule: string }) {
  const router = useRouter();
  const follow = (event: MouseEvent) => {
    if (event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      router.navigate({ to: "/rules", hash: rule });
    }
  };
  return (
    <a className="nowrap" href={`/rules#${rule}`} onClick={follow}>
      {rule}
    </a>
  );
}
