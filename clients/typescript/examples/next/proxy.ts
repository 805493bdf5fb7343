import { type NextRequest, NextResponse } from "next/server";
import { openClient } from "./lib/session";

/** Renews a session that is about to expire, before a page is rendered with it. */
export async function proxy(request: NextRequest) {
  const renewed: Parameters<NextResponse["cookies"]["set"]>[] = [];
  const ow = openClient({
    get: (name) => request.cookies.get(name)?.value,
    set(name, value, options) {
      request.cookies.set(name, value); // for the page that follows
      renewed.push([name, value, options]); // for the browser
    },
  });
  await ow.auth.token().catch(() => {}); // the page says what is wrong
  const response = NextResponse.next({ request });
  for (const cookie of renewed) {
    response.cookies.set(...cookie);
  }
  return response;
}

export const config = { matcher: "/((?!_next/|favicon).*)" };
