// The pages behind the links in mails. The token stands behind the # of the address, which browsers send to nobody; it is
// taken out of the address at once, so that it stays neither there nor in the history. What the API answers is said in the
// words of the page: its texts stand under the codes of problems.
"use strict";
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

const text = (code) => document.querySelector('#texts [data-code="' + CSS.escape(code) + '"]')?.textContent;

const said = (status, problem) => {
  // Wrong fields first: of the password in its own words; a token that is none is one that is not valid.
  const codes = (problem.errors || []).map((error) => error.code).concat(problem.code || []);
  const known = codes.map(text).find(Boolean);
  if (known) return known;
  if (status === 503) return text("unavailable");
  return text("other") + " " + (problem.request_id || status);
};

const post = async (path, body) => {
  const answer = await fetch("/api/v1/auth/" + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.ok) return null;
  return said(answer.status, await answer.json().catch(() => ({})));
};

const tell = (words) => {
  const shown = document.getElementById("problem");
  shown.hidden = !words;
  shown.textContent = words || "";
};

const serve = (form, send) => {
  if (!form) return;
  if (!token) return tell(text("no_token"));
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    const problem = await send().catch(() => text("offline"));
    button.disabled = false;
    tell(problem);
    form.hidden = !problem;
    document.getElementById("done").hidden = Boolean(problem);
  });
};

serve(document.getElementById("verify"), () => post("email/verify", { token }));
serve(document.getElementById("reset"), () => {
  const new_password = document.getElementById("password").value;
  return post("password/reset", { token, new_password });
});
