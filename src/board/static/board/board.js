// A note that is being counted shows its count once the worker has it. Without this, a reload does.
const PAUSE = 1000; // milliseconds
const TRIES = 120;

async function wait(status) {
  for (let tries = 0; tries < TRIES; tries++) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    try {
      const answer = await fetch(status.dataset.waitsFor);
      if (!answer.ok) continue;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = page.querySelector("[role=status]");
      if (now && !now.dataset.waitsFor) {
        status.textContent = now.textContent;
        return;
      }
    } catch {
      // Not reached just now: the next try may.
    }
  }
}

document.querySelectorAll("[data-waits-for]").forEach(wait);
