import { callUnaryMethod, useMutation, useTransport } from "@connectrpc/connect-query";
import { type Alert, type AlertMute, AlertService } from "@openwearables/sdk/connect";
import { problem } from "../../parts/problem";
import { toast } from "../../parts/Toast";
import { changeAlerts, readAlerts } from "./cache";

/** Returns what acknowledges an alert: it is gone from the open ones at once, and back if the server refuses. */
export function useAcknowledge(): (alert: Alert) => Promise<void> {
  const { mutateAsync } = useMutation(AlertService.method.acknowledgeAlert);
  return async ({ id }) => {
    const undo = changeAlerts((items) => items.filter((a) => a.id !== id || a.state !== "open"));
    // Its row had the focus.
    window.setTimeout(() => document.querySelector<HTMLElement>('[role="tab"]')?.focus());
    try {
      const { alert } = await mutateAsync({ id });
      const resolved = alert?.state === "resolved";
      toast({
        text: resolved
          ? "Alert acknowledged. It is in the history now."
          : "Alert acknowledged. It resolves once its cause has ended.",
      });
      void readAlerts();
    } catch (error) {
      undo();
      toast({ text: problem(error).sentence });
    }
  };
}

/** Returns what ends the mute of an alert. */
export function useUnmute(): (alert: Pick<Alert, "id">) => Promise<void> {
  const { mutateAsync } = useMutation(AlertService.method.muteAlert);
  return async ({ id }) => {
    try {
      await mutateAsync({ id });
      toast({ text: "Mute ended" });
      await readAlerts();
    } catch (error) {
      toast({ text: problem(error).sentence });
    }
  };
}

/** Returns what ends a mute, of which only the rule and the subject are known. */
export function useEndMute(): (mute: AlertMute) => Promise<void> {
  const transport = useTransport();
  const unmute = useUnmute();
  return async ({ rule, subject }) => {
    try {
      const input = { rule, subject, limit: 1 };
      const { items } = await callUnaryMethod(transport, AlertService.method.listAlerts, input);
      if (items[0]) await unmute(items[0]);
      else toast({ text: "The alert is no longer kept. The mute ends by itself." });
    } catch (error) {
      toast({ text: problem(error).sentence });
    }
  };
}
