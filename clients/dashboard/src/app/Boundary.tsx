import { Component, type ReactNode } from "react";
import { ErrorNote } from "../parts/ErrorNote";
import { PageHeader } from "../parts/PageHeader";
import { errorOf, lost } from "./queries";
import { lookForVersion } from "./version";

/** Shows what a page threw in its place: the rest of the dashboard goes on. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error: error ?? new Error("unknown") };
  }

  override componentDidCatch(error: unknown) {
    lost(error);
    if (isOfChunk(error)) lookForVersion();
  }

  override render() {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    const chunk = isOfChunk(error);
    return (
      <div className="page">
        <PageHeader title="This page failed" />
        <ErrorNote
          page
          error={error}
          sentence={said(error)}
          onRetry={() => (chunk ? location.reload() : this.setState({ error: undefined }))}
        />
      </div>
    );
  }
}

/** What a person is told, where the error's own words are not for people. */
function said(error: unknown): string | undefined {
  if (isOfChunk(error)) return "A part of this page could not be loaded.";
  return errorOf(error)
    ? undefined
    : "Something in this page went wrong. Try again, or reload the page.";
}

/** Whether a module could not be loaded. Each browser says so in its own words. */
function isOfChunk(error: unknown): boolean {
  return error instanceof Error && /import|module|preload|load failed/i.test(error.message);
}
