import type { ReactNode } from "react";
import "./globals.css";

export const metadata = { title: "My workouts", icons: { icon: "data:," } };

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <main>{children}</main>
      </body>
    </html>
  );
}
