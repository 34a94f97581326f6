// Passkeys (WebAuthn Level 3 section 5.1), the only script here. Pages work
// without it, with the password.
'use strict';

const asks = {
  create: (options) => PublicKeyCredential.parseCreationOptionsFromJSON(options),
  get: (options) => PublicKeyCredential.parseRequestOptionsFromJSON(options),
};

function offer(form) {
  const kind = form.dataset.passkey;
  const answer = form.elements.namedItem('answer');
  const failed = form.querySelector('[data-failed]');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    failed.hidden = true;
    try {
      const key = await navigator.credentials[kind]({ publicKey: asks[kind](JSON.parse(form.dataset.options)) });
      answer.value = JSON.stringify(key);
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
  form.hidden = false;
}

if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  document.querySelectorAll('form[data-passkey]').forEach(offer);
  document.querySelectorAll('[data-without]').forEach((line) => { line.hidden = true; });
}
