import type { Page } from "playwright-core";

/** Returns what of a page does not fit its window: that it scrolls sideways, and each control that is cut off. */
export function misfits(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - window.innerWidth;
    const controls = document.querySelectorAll<HTMLElement>(
      "a[href], button, input, select, textarea, summary, [role=tab], [role=slider]",
    );
    return [
      ...(wide > 0 ? [`the page is ${wide} px wider than the window`] : []),
      ...[...controls].filter(isCut).map((e) => `cut off: ${e.outerHTML.slice(0, 200)}`),
    ];

    function isCut(control: HTMLElement): boolean {
      const at = control.getBoundingClientRect();
      if (at.width < 2 || !control.checkVisibility({ visibilityProperty: true })) return false;
      for (let box = control.parentElement; box; box = box.parentElement) {
        const { overflowX, overflowY, position, textOverflow, clipPath } = getComputedStyle(box);
        if (clipPath !== "none") return false; // it is for screen readers
        if (textOverflow === "ellipsis") return false; // its text ends in dots
        const clip = box.getBoundingClientRect();
        const [x, y] = [
          at.left < clip.left - 1 || at.right > clip.right + 1,
          at.bottom > clip.bottom + 1,
        ];
        if (x && /auto|scroll/.test(overflowX)) return false; // one scrolls to it
        if (y && /auto|scroll/.test(overflowY)) return false;
        if ((x && /hidden|clip/.test(overflowX)) || (y && /hidden|clip/.test(overflowY)))
          return true;
        if (position === "fixed") break;
      }
      return at.left < -1 || at.right > window.innerWidth + 1;
    }
  });
}
