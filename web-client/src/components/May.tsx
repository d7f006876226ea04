import { Button, type ButtonProps } from "@mantine/core";
import type { Schemas } from "../api/client";
import { useMe } from "../api/session";

export type AccessRole = Schemas["AccessRole"];

/** Why the caller may not do what needs one of the roles; nothing when it may. */
export function useDenied(...roles: AccessRole[]): string | undefined {
  const role = useMe().data?.role;
  if (role === undefined || roles.includes(role)) {
    return undefined;
  }
  return `Needs the role ${roles.join(" or ")}; yours is ${role}.`;
}

interface Props extends ButtonProps {
  /** Why it cannot be used; the button then stays where it is, can be reached, and says so. */
  denied?: string;
  onClick?: () => void;
  type?: "button" | "submit";
  "aria-label"?: string;
}

/** A button that says why it cannot be used instead of being gone. */
export function MayButton({ denied, onClick, type = "button", ...rest }: Props) {
  return (
    <Button
      variant="default"
      {...rest}
      type={denied ? "button" : type}
      onClick={denied ? undefined : onClick}
      data-disabled={denied ? true : undefined}
      aria-disabled={denied ? true : undefined}
      aria-description={denied}
      title={denied}
    />
  );
}
