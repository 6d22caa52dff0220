// The pages behind the links in mails. The token stands behind the # of the address, which browsers send to nobody; it is
// taken out of the address at once, so that it stays neither there nor in the history.
"use strict";
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

const post = async (path, body) => {
  const answer = await fetch("/api/v1/auth/" + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.ok) return null;
  const problem = await answer.json().catch(() => ({}));
  return problem.detail || String(answer.status);
};

const serve = (form, send) => {
  if (!form) return;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const shown = document.getElementById("problem");
    button.disabled = true;
    const problem = await send().catch((error) => String(error));
    button.disabled = false;
    shown.hidden = !problem;
    shown.textContent = problem || "";
    form.hidden = !problem;
    document.getElementById("done").hidden = Boolean(problem);
  });
};

serve(document.getElementById("verify"), () => post("email/verify", { token }));
serve(document.getElementById("reset"), () => {
  const new_password = document.getElementById("password").value;
  return post("password/reset", { token, new_password });
});
