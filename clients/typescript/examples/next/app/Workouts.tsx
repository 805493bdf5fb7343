"use client";
import type { Workout } from "@openwearables/sdk";
import { useRouter } from "next/navigation";
import { useState, useTransition } from "react";

/** A client component. Workouts are plain objects, so that they cross from the server as they are. */
export function Workouts({ workouts }: { workouts: Workout[] }) {
  const router = useRouter();
  const [problem, setProblem] = useState("");
  const [pending, start] = useTransition();
  const add = () =>
    start(async () => {
      const res = await fetch("/api/workouts", { method: "POST" });
      setProblem(res.ok ? "" : "The run was not stored. Try again.");
      router.refresh();
    });
  return (
    <>
      <button type="button" onClick={add} disabled={pending}>
        Add a run of half an hour
      </button>
      {problem && <p role="alert">{problem}</p>}
      <ul className="card">
        {workouts.map((workout) => (
          <li key={workout.id}>
            <strong>{workout.name ?? workout.type.replaceAll("_", " ")}</strong>
            <time dateTime={workout.startTime.toISOString()}>
              {workout.startTime.toLocaleDateString("en", { dateStyle: "medium", timeZone: "UTC" })}
            </time>
            <span>{Math.round(workout.durationSeconds / 60)} min</span>
          </li>
        ))}
        {!workouts.length && <li>None in the last four weeks.</li>}
      </ul>
    </>
  );
}
