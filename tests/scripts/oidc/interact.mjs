// The pages on which a person signs in and consents: a form each, which takes `sub` for a password.

// Answers /interaction/…: shows the form that the provider asks for, or takes what was filled in.
export async function interact(provider, accounts, request, response) {
  const details = await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page(details));
    return;
  }
  const filled = await form(request);
  const result = filled.has('cancel')
    ? { error: 'access_denied', error_description: 'the person has cancelled' }
    : await STEPS[details.prompt.name](provider, accounts, details, filled);
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: !filled.has('cancel') });
}

const STEPS = {
  login: (provider, accounts, details, filled) => {
    if (!accounts.has(filled.get('sub'))) {
      throw new Error('there is no such account');
    }
    return { login: { accountId: filled.get('sub') } };
  },
  consent: async (provider, accounts, { grantId, params, prompt, session }) => {
    const before = grantId && await provider.Grant.find(grantId);
    const grant = before || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    const { missingOIDCScope, missingOIDCClaims } = prompt.details;
    grant.addOIDCScope((missingOIDCScope ?? []).join(' '));
    grant.addOIDCClaims(missingOIDCClaims ?? []);
    return { consent: { grantId: await grant.save() } };
  },
};

const page = ({ uid, prompt }) => `<!DOCTYPE html>
<title>${prompt.name}</title>
<form method="post" action="/interaction/${uid}">
${prompt.name === 'login' ? '<input name="sub" required>' : ''}
<button>Continue</button>
<button name="cancel" value="yes">Cancel</button>
</form>
`;

async function form(request) {
  let body = '';
  for await (const part of request.setEncoding('utf8')) {
    body += part;
  }
  return new URLSearchParams(body);
}
