/**
 * @generated SignedSource<<ba64b1ec3e6544ec1c5579750c964214>>
 * @lightSyntaxTransform
 */

/* tslint:disable */
/* eslint-disable */
// @ts-nocheck

import { ConcreteRequest } from 'relay-runtime';
export type ConfirmHoldInput = {
  id: string;
  idempotencyKey?: string | null | undefined;
};
export type brandConfirmMutation$variables = {
  input: ConfirmHoldInput;
};
export type brandConfirmMutation$data = {
  readonly confirmHold: {
    readonly __typename: string;
    readonly after?: string;
    readonly booking?: {
      readonly id: string;
      readonly price: {
        readonly amount: number;
        readonly currency: string;
      } | null | undefined;
    };
    readonly code?: string;
    readonly message?: string;
  };
};
export type brandConfirmMutation = {
  response: brandConfirmMutation$data;
  variables: brandConfirmMutation$variables;
};

const node: ConcreteRequest = (function(){
var v0 = [
  {
    "defaultValue": null,
    "kind": "LocalArgument",
    "name": "input"
  }
],
v1 = [
  {
    "alias": null,
    "args": [
      {
        "kind": "Variable",
        "name": "input",
        "variableName": "input"
      }
    ],
    "concreteType": null,
    "kind": "LinkedField",
    "name": "confirmHold",
    "plural": false,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "__typename",
        "storageKey": null
      },
      {
        "kind": "InlineFragment",
        "selections": [
          {
            "alias": null,
            "args": null,
            "concreteType": "Booking",
            "kind": "LinkedField",
            "name": "booking",
            "plural": false,
            "selections": [
              {
                "alias": null,
                "args": null,
                "kind": "ScalarField",
                "name": "id",
                "storageKey": null
              },
              {
                "alias": null,
                "args": null,
                "concreteType": "Money",
                "kind": "LinkedField",
                "name": "price",
                "plural": false,
                "selections": [
                  {
                    "alias": null,
                    "args": null,
                    "kind": "ScalarField",
                    "name": "amount",
                    "storageKey": null
                  },
                  {
                    "alias": null,
                    "args": null,
                    "kind": "ScalarField",
                    "name": "currency",
                    "storageKey": null
                  }
                ],
                "storageKey": null
              }
            ],
            "storageKey": null
          },
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "after",
            "storageKey": null
          }
        ],
        "type": "ConfirmHoldSuccess",
        "abstractKey": null
      },
      {
        "kind": "InlineFragment",
        "selections": [
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "code",
            "storageKey": null
          },
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "message",
            "storageKey": null
          }
        ],
        "type": "Failure",
        "abstractKey": "__isFailure"
      }
    ],
    "storageKey": null
  }
];
return {
  "fragment": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Fragment",
    "metadata": null,
    "name": "brandConfirmMutation",
    "selections": (v1/*:: as any*/),
    "type": "Mutation",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Operation",
    "name": "brandConfirmMutation",
    "selections": (v1/*:: as any*/)
  },
  "params": {
    "cacheID": "8cd1be73e5b7324c3eb2d78f463e5fcb",
    "id": null,
    "metadata": {},
    "name": "brandConfirmMutation",
    "operationKind": "mutation",
    "text": "mutation brandConfirmMutation(\n  $input: ConfirmHoldInput!\n) {\n  confirmHold(input: $input) {\n    __typename\n    ... on ConfirmHoldSuccess {\n      booking {\n        id\n        price {\n          amount\n          currency\n        }\n      }\n      after\n    }\n    ... on Failure {\n      __isFailure: __typename\n      code\n      message\n    }\n  }\n}\n"
  }
};
})();

(node as any).hash = "5dc140605b185911ad96c490cbcfb6e1";

export default node;
